// The bitmaps of an ext2/3/4 file system, held against what they speak of: a block that is in use and called
// free would be given to something else.
#pragma once

#include <string>

#include "base/result.h"
#include "image/ext4/read/ext2_io.h"

namespace cg::image {

// Reads them into `fs` and walks all groups and inodes. Refused, with who has the block: counts that do not
// agree, a block in use that is marked as free, or that two have. `name` is for messages.
Result<void> read_bitmaps(ext2_filsys fs, const std::string& name);

}  // namespace cg::image
