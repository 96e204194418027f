#include "commit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "stored/images.h"

namespace cg::checkpoint {
namespace {

constexpr const char* from_variable = "GUEST_CHECKPOINT_FROM";
constexpr const char* to_variable = "GUEST_CHECKPOINT_TO";

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

CommitCall commit_call(const std::filesystem::path& program, const std::filesystem::path& from,
                       const std::filesystem::path& to) {
  return {{"--action-script", program.string()},
          {{from_variable, from.string()}, {to_variable, to.string()}}};
}

namespace {

Result<void> commit(const std::filesystem::path& from, const std::filesystem::path& to) {
  CG_TRY(state, look_at_checkpoint(from));
  if (!state.flaws.empty()) return refused("images are not whole: " + join(state.flaws, "; "));
  const UniqueFd directory(open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return cannot_errno(from.string(), errno);
  // What a full disk or a broken one did not tell at write(2), it tells now.
  if (syncfs(directory.get()) != 0) return cannot_errno("bringing the images to the disk", errno);
  if (rename(from.c_str(), to.c_str()) != 0)
    return cannot_errno(fmt::format("renaming {} to {}", from.string(), to.string()), errno);
  sync_directory(to.parent_path());
  return {};
}

}  // namespace
}  // namespace cg::checkpoint

namespace cg {

bool is_called_by_criu() {
  return std::getenv("CRTOOLS_SCRIPT_ACTION") && std::getenv(checkpoint::from_variable);
}

int commit_for_criu() {
  if (checkpoint::variable("CRTOOLS_SCRIPT_ACTION") != "post-dump") return exit_good;
  const auto done = checkpoint::commit(checkpoint::variable(checkpoint::from_variable),
                                       checkpoint::variable(checkpoint::to_variable));
  if (done) return exit_good;
  (void)std::fprintf(stderr, "guest-checkpoint: %s\n", done.error().message.c_str());
  return exit_status(done.error());
}

}  // namespace cg
