#include "image/convert.h"

#include <fmt/format.h>

#include "base/file.h"
#include "image/image_builder.h"
#include "image/sources/sources.h"
#include "image/tree/extract.h"

namespace cg::image {

Result<Summary> convert(const ImageReader& image, const std::filesystem::path& destination,
                        const ImageOptions& options) {
  CG_CHECK(check_options(options));
  if (const auto write = format_of(options.file_system)->write)
    return write(image.files(), destination, options);
  // The files pass through a tar without a name: the new file system is laid out afresh.
  CG_TRY(tar, nameless_file(destination.parent_path()));
  CG_CHECK(extract_tar(image, "/", tar.get(), "a temporary file beside " + destination.string()));
  CG_TRY(builder, ImageBuilder::create(destination, options));
  CG_CHECK(add_archive(builder, fmt::format("/proc/self/fd/{}", tar.get())));
  return builder.finish();
}

}  // namespace cg::image
