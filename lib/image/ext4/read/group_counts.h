// A file system's bitmaps against the counts that its descriptors and superblock give.
#pragma once

#include <ext2fs/ext2fs.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace cg::image {

// Blocks of the group that the bitmap says are free.
std::uint32_t free_blocks_in_group(ext2_filsys fs, dgrp_t group);

// Refused when they do not agree: something has damaged the file system. Its bitmaps must have been read.
Result<void> check_counts(ext2_filsys fs, const std::string& name);

}  // namespace cg::image
