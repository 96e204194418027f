#include "image/ext4/read/bitmaps.h"

#include <fmt/format.h>

#include <memory>
#include <type_traits>
#include <vector>

#include "image/ext4/read/blocks.h"
#include "image/ext4/read/ext2_error.h"
#include "image/ext4/read/group_counts.h"

namespace cg::image {
namespace {

using Bitmap = std::unique_ptr<std::remove_pointer_t<ext2fs_block_bitmap>, void (*)(ext2fs_block_bitmap)>;
using Scan = std::unique_ptr<std::remove_pointer_t<ext2_inode_scan>, void (*)(ext2_inode_scan)>;

// Where blocks may be shared, files may have more of them than there are; not without end.
constexpr std::uint64_t most_shared = 16;  // times

// Blocks in use, one after the other.
struct Walk {
  ext2_filsys fs;
  ext2fs_block_bitmap taken;  // those that came before; nullptr where two may have one
  std::string wrong;          // not empty: what is
  std::uint64_t seen = 0;     // blocks of all inodes so far

  // One that others may have, too.
  bool in_use(blk64_t block) {
    if (block < fs->super->s_first_data_block || block >= ext2fs_blocks_count(fs->super))
      wrong = fmt::format("has block {}, which lies outside of the file system", block);
    else if (!ext2fs_test_block_bitmap2(fs->block_map, block))
      wrong = fmt::format("has block {}, which is marked as free", block);
    return wrong.empty();
  }
  bool take(blk64_t block) {
    if (in_use(block) && taken && ext2fs_mark_block_bitmap2(taken, block))
      wrong = fmt::format("has block {}, which something else has too", block);
    return wrong.empty();
  }
};

int visit(ext2_filsys, blk64_t* block, e2_blkcnt_t, blk64_t, int, void* data) {
  auto& walk = *static_cast<Walk*>(data);
  if (walk.take(*block) && ++walk.seen > ext2fs_blocks_count(walk.fs->super) * most_shared)
    walk.wrong = "and those before it have many more blocks than there are";
  return walk.wrong.empty() ? 0 : BLOCK_ABORT;
}

std::unexpected<Error> damaged(const std::string& name, std::string_view owner, std::string_view what) {
  return refused(
      fmt::format("{}: {} {}; the image is damaged, run 'e2fsck -f' on it first", name, owner, what));
}

// What a group itself lies in. Blocks that are reserved for more descriptors belong to an inode.
struct Part {
  const char* what;
  blk64_t first;
  blk64_t count;
};

std::vector<Part> parts_of(ext2_filsys fs, dgrp_t group) {
  std::vector<Part> parts = {{"block bitmap", ext2fs_block_bitmap_loc(fs, group), 1},
                             {"inode bitmap", ext2fs_inode_bitmap_loc(fs, group), 1},
                             {"inode table", ext2fs_inode_table_loc(fs, group), fs->inode_blocks_per_group}};
  blk64_t super = 0;
  blk64_t descriptors = 0;
  blk64_t own_descriptors = 0;  // with meta_bg
  ext2fs_super_and_bgd_loc2(fs, group, &super, &descriptors, &own_descriptors, nullptr);
  if (group == 0 || super != 0) parts.push_back({"superblock", super, 1});
  const blk64_t count = ext2fs_has_feature_meta_bg(fs->super) ? fs->super->s_first_meta_bg : fs->desc_blocks;
  if (descriptors != 0 && count > 0) parts.push_back({"table of descriptors", descriptors, count});
  if (own_descriptors != 0) parts.push_back({"table of descriptors", own_descriptors, 1});
  return parts;
}

Result<void> check_groups(Walk& walk, const std::string& name) {
  for (dgrp_t group = 0; group < walk.fs->group_desc_count; ++group)
    for (const Part& part : parts_of(walk.fs, group))
      for (blk64_t at = 0; at < part.count; ++at)
        if (!walk.take(part.first + at))
          return damaged(name, fmt::format("the {} of group {}", part.what, group), walk.wrong);
  return {};
}

Result<void> check_inodes(Walk& walk, const std::string& name) {
  ext2_filsys const fs = walk.fs;
  ext2_inode_scan opened = nullptr;
  CG_EXT2(name + ": reading its inodes", ext2fs_open_inode_scan(fs, 0, &opened));
  const Scan scan(opened, ext2fs_close_inode_scan);
  for (;;) {
    ext2_ino_t number = 0;
    ext2_inode inode{};
    CG_EXT2(name + ": reading its inodes", ext2fs_get_next_inode(scan.get(), &number, &inode));
    if (number == 0) return {};
    if (inode.i_links_count == 0) continue;
    // Attribute blocks may be shared.
    const blk64_t attributes = ext2fs_file_acl_block(fs, &inode);
    if (attributes == 0 || walk.in_use(attributes)) {
      if (!ext2fs_inode_has_valid_blocks2(fs, &inode)) continue;
      CG_EXT2(fmt::format("{}: the blocks of inode {}", name, number),
              iterate_blocks(fs, number, 0, visit, &walk));
    }
    if (!walk.wrong.empty()) return damaged(name, fmt::format("inode {}", number), walk.wrong);
  }
}

}  // namespace

Result<void> read_bitmaps(ext2_filsys fs, const std::string& name) {
  CG_EXT2(name + ": reading its bitmaps", ext2fs_read_bitmaps(fs));
  CG_CHECK(check_counts(fs, name));
  // Not where a bit stands for several blocks, nor where files share some on purpose.
  ext2fs_block_bitmap made = nullptr;
  if (fs->cluster_ratio_bits == 0 && !(fs->super->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS))
    CG_EXT2(name + ": counting its blocks", ext2fs_allocate_block_bitmap(fs, "blocks in use", &made));
  const Bitmap taken(made, ext2fs_free_block_bitmap);
  Walk walk{.fs = fs, .taken = made, .wrong = {}};
  CG_CHECK(check_groups(walk, name));
  return check_inodes(walk, name);
}

}  // namespace cg::image
