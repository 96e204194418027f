#include "commands/image_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>

#include "base/file.h"

namespace cg {

Result<ImageOutput> ImageOutput::create(const std::string& words, const Environment& env) {
  ImageOutput output;
  output.file_ = words;
  if (words != "-") return output;
  if (env.out_is_terminal)
    return usage_error(
        "-o -: an image is not for a terminal; name a file, or lead standard output elsewhere");
  CG_TRY(scratch, ScratchDirectory::create(env));
  output.file_ = (scratch.path() / "image").string();
  output.scratch_ = std::move(scratch);
  return output;
}

Result<void> ImageOutput::deliver(Environment& env) const {
  if (!is_stream()) return {};
  const UniqueFd fd(open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(file_, errno);
  std::string piece(1 << 20, '\0');
  for (;;) {
    const ssize_t got = read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_errno(file_, errno);
    if (got == 0) break;
    env.out.write(piece.data(), got);
    if (!env.out) return cannot("writing standard output failed");
  }
  env.out.flush();
  return {};
}

}  // namespace cg
