// An image while a command fills it, whatever its form: what that form needs before and after.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <variant>

#include "commands/image_arguments.h"

namespace cg {

class NewImage {
 public:
  using Summary = std::variant<image::ImageSummary, image::InitrdSummary>;

  static Result<NewImage> begin(const ImageArguments& arguments, const std::filesystem::path& output,
                                const Environment& env);
  NewImage(NewImage&&) noexcept;
  ~NewImage();

  image::ImageBuilder& builder() { return *builder_; }
  // The image is at the output then, with the root hash of a dm-verity tree beside it; before, nothing is.
  Result<Summary> finish();

 private:
  class Between;
  NewImage();

  std::filesystem::path output_;
  std::optional<image::Compression> initrd_;
  std::optional<image::ErofsOptions> erofs_;
  std::unique_ptr<Between> between_;  // of an EROFS image
  std::optional<image::ImageBuilder> builder_;
};

}  // namespace cg
