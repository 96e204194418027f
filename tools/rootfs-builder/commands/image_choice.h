// Which file system of which file a command is about.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "image/reader.h"

namespace cg {

struct ImageChoice {
  std::string image;
  std::optional<unsigned> partition;

  Result<image::ImageReader> open() const { return image::ImageReader::open(image, partition); }
};

// IMAGE and --partition.
void add_image_choice(CLI::App& command, ImageChoice& choice);

}  // namespace cg
