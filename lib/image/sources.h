// Where an image's entries come from.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "image/image_builder.h"

namespace cg::image {

// Everything below `directory`, which becomes the image's root; file contents are read in finish(). Files with
// several names below it keep them.
Result<void> add_directory(ImageBuilder& builder, const std::filesystem::path& directory);

struct ArchiveOptions {
  // Which entries are taken, by their path without "./" or "/"; empty: all.
  std::function<bool(std::string_view path)> wanted;
};

// The entries of a tar, in any compression libarchive knows; "-" reads standard input. Contents are stored at once.
Result<void> add_archive(ImageBuilder& builder, const std::filesystem::path& archive, const ArchiveOptions& options = {});

}  // namespace cg::image
