// The options of the commands that make an image, and what they say at the end.
#pragma once

#include <string>

#include "commands.h"
#include "image/image_builder.h"

namespace cg {

struct ImageArguments {
  std::string size = "auto";
  std::string label;
  std::string uuid;
  std::string journal = "auto";

  Result<image::ImageOptions> resolve(const Environment& env) const;
};

void add_image_arguments(CLI::App& command, ImageArguments& arguments);

// JSON on env.out with --format json, else a line on env.err.
void print_summary(const image::ImageSummary& summary, double seconds, Context& context);

}  // namespace cg
