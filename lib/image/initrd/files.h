// The files of an initrd, as its kernel would have them.
#pragma once

#include <memory>

#include "image/disk/layout.h"
#include "image/reader.h"

namespace cg::image {

bool is_initrd(const DiskLayout& layout);
// `file` must stay where it is. Refused as InitrdArchive::read() says.
Result<std::unique_ptr<ImageReader::Files>> open_initrd_files(Device& file);

}  // namespace cg::image
