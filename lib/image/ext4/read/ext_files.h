// The files of an ext2/3/4 file system, through libext2fs.
#pragma once

#include <memory>
#include <string>

#include "image/reader.h"

namespace cg::image {

// `window` is the file system; it must stay where it is. Refused: damaged, or with features libext2fs does
// not know.
Result<std::unique_ptr<ImageReader::Files>> open_ext_files(Window& window, const std::string& name);

}  // namespace cg::image
