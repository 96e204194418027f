// Makes an image of another form out of an image.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "image/options/image_options.h"
#include "image/reader.h"

namespace cg::image {

Result<Summary> convert(const ImageReader& image, const std::filesystem::path& destination,
                        const ImageOptions& options);

}  // namespace cg::image
