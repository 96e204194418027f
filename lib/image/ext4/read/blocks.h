// The blocks of an inode.
#pragma once

#include <ext2fs/ext2fs.h>

namespace cg::image {

// As ext2fs_block_iterate3() with BLOCK_FLAG_READ_ONLY and these flags; nothing is written back. That
// function takes an inode whose extents cannot be opened (a damaged head, no memory) for one without blocks,
// and returns 0 (libext2fs 1.47.0, block.c, abort_exit): a file would be a hole.
using BlockVisitor = int (*)(ext2_filsys fs, blk64_t* block, e2_blkcnt_t logical, blk64_t, int, void* data);
errcode_t iterate_blocks(ext2_filsys fs, ext2_ino_t number, int flags, BlockVisitor visit, void* data);

}  // namespace cg::image
