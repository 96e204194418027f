// Makes EROFS file systems, by mkfs.erofs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "image/disk/frame.h"
#include "image/disk/uuid.h"
#include "image/image_builder.h"
#include "image/tree/image_files.h"

namespace cg::image {

struct ErofsOptions {
  Frame frame{.form = Form::erofs};   // or kata_erofs
  std::string compression = "lz4hc";  // or "none"
  std::optional<Uuid> uuid;           // default: the image's own
  std::optional<std::int64_t> time;   // of all files; default: the root's
};

// The files of `image` (but an empty lost+found) at `destination`. mkfs.erofs reads a directory, which is
// made beside it: without root's rights all files must have one owner, and there can be no devices. Cannot:
// mkfs.erofs is not installed.
Result<ImageSummary> write_erofs(const ImageFiles& image, const std::filesystem::path& destination,
                                 const ErofsOptions& options);

}  // namespace cg::image
