#include "recipe/scratch_directory.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/interrupt.h"

namespace cg {
namespace fs = std::filesystem;

ScratchDirectory::ScratchDirectory(fs::path path)
    : path_(new fs::path(std::move(path)), [](const fs::path* owned) {
        std::error_code ignored;
        fs::remove_all(*owned, ignored);
        forget_when_interrupted(*owned);
        delete owned;
      }) {}

Result<ScratchDirectory> ScratchDirectory::create(const Environment& env) {
  const auto chosen = env.variable("TMPDIR");
  std::string name = (chosen && !chosen->empty() ? *chosen : "/tmp") + "/rootfs-builder-XXXXXX";
  if (!mkdtemp(name.data())) return cannot_errno(name, errno);
  remove_when_interrupted(name);
  return ScratchDirectory(name);
}

}  // namespace cg
