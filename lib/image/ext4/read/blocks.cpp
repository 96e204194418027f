#include "image/ext4/read/blocks.h"

#include <memory>

namespace cg::image {
namespace {

errcode_t iterate_extents(ext2_filsys fs, ext2_ino_t number, ext2_inode& inode, int flags, BlockVisitor visit,
                          void* data) {
  ext2_extent_handle_t opened = nullptr;
  if (const errcode_t error = ext2fs_extent_open2(fs, number, &inode, &opened)) return error;
  const std::unique_ptr<ext2_extent_handle, void (*)(ext2_extent_handle_t)> handle(opened,
                                                                                   ext2fs_extent_free);
  ext2fs_extent extent{};
  for (int step = EXT2_EXTENT_ROOT;; step = EXT2_EXTENT_NEXT) {
    const errcode_t error = ext2fs_extent_get(opened, step, &extent);
    if (error == EXT2_ET_EXTENT_NO_NEXT) return 0;
    if (error) return error;
    if (!(extent.e_flags & EXT2_EXTENT_FLAGS_LEAF)) {
      // A block of the tree; the walk comes past it again on its way back.
      blk64_t block = extent.e_pblk;
      if (!(flags & BLOCK_FLAG_DATA_ONLY) && !(extent.e_flags & EXT2_EXTENT_FLAGS_SECOND_VISIT) &&
          (visit(fs, &block, -1, 0, 0, data) & BLOCK_ABORT))
        return 0;
      continue;
    }
    for (blk64_t i = 0; i < extent.e_len; ++i) {
      blk64_t block = extent.e_pblk + i;
      if (visit(fs, &block, static_cast<e2_blkcnt_t>(extent.e_lblk + i), 0, 0, data) & BLOCK_ABORT) return 0;
    }
  }
}

}  // namespace

errcode_t iterate_blocks(ext2_filsys fs, ext2_ino_t number, int flags, BlockVisitor visit, void* data) {
  ext2_inode inode{};
  if (const errcode_t error = ext2fs_read_inode(fs, number, &inode)) return error;
  if (inode.i_flags & EXT4_EXTENTS_FL) return iterate_extents(fs, number, inode, flags, visit, data);
  return ext2fs_block_iterate3(fs, number, BLOCK_FLAG_READ_ONLY | flags, nullptr, visit, data);
}

}  // namespace cg::image
