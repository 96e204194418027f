#include "image/ext4/read/check.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"

namespace cg::image {

Result<std::string> check_ext(int fd, std::uint64_t offset) {
  CG_TRY(result, run({"e2fsck", "-fn", fmt::format("/proc/{}/fd/{}?offset={}", getpid(), fd, offset)},
                     {.set_variables = {{"LC_ALL", "C"}}}));
  std::string found;
  if (result.status == 0) return found;
  // What it found stands between the names of its passes.
  for (const auto line : split_lines(result.out))
    if (!line.starts_with("Pass ") && !line.empty() && found.size() < 400)
      found += (found.empty() ? "" : "; ") + std::string(line);
  return found.empty() ? fmt::format("status {}", result.status) : found;
}

}  // namespace cg::image
