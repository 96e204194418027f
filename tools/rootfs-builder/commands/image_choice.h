// Which file system of which file a command is about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "image/reader.h"

namespace cg {

struct ImageChoice {
  std::string image;
  std::optional<unsigned> partition;

  // Says on standard error when it is shown as it was before an edit that was interrupted.
  Result<image::ImageReader> open(Context& context) const;
};

// IMAGE and --partition, and after them `more`, which are the command's own.
std::vector<Option> image_choice_options(ImageChoice& choice, std::vector<Option> more = {});

}  // namespace cg
