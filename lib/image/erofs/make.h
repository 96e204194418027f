// Makes EROFS file systems, by mkfs.erofs.
#pragma once

#include <filesystem>
#include <string>

#include "image/options/image_options.h"
#include "image/tree/image_files.h"

namespace cg::image {

Result<void> check_erofs_compression(const std::string& name);

// The files of `image` (but an empty lost+found) at `destination`. mkfs.erofs reads a directory, which is
// made beside it: without root's rights all files must have one owner, and there can be no devices. Cannot:
// mkfs.erofs is not installed. Without a UUID in the options it is the image's own, without a time
// (source_date_epoch) all files have the root's.
Result<Summary> write_erofs(const ImageFiles& image, const std::filesystem::path& destination,
                            const ImageOptions& options);

}  // namespace cg::image
