// `kcheck image IMG`: is everything CRIU needs inside this ext4 image, before it is booted?
#pragma once

#include <string>

#include "options.h"

namespace cg {

struct ImageCommand {
  std::string image;
  std::string extension;  // --extension FILE: what Kata mounts beside it; may be empty
  std::string kernel;     // --kernel FILE; empty: not judged
  std::string config;  // --config FILE: what the kernel was built from; empty: the copy inside of the kernel
};

Command image_command(const KcheckOptions& options);
Result<Report> check_image(const KcheckOptions& options, const ImageCommand& command, const Matrix& matrix);

}  // namespace cg
