// Which file system of which file a command is about.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "commands/commands.h"
#include "image/reader.h"

namespace cg {

struct ImageChoice {
  std::string image;
  std::optional<unsigned> partition;

  // Says on standard error when it is shown as it was before an edit that was interrupted.
  Result<image::ImageReader> open(Context& context) const;
};

// IMAGE and --partition.
void add_image_choice(CLI::App& command, ImageChoice& choice);

}  // namespace cg
