#include "image/ext4/read/group_counts.h"

#include <fmt/format.h>

namespace cg::image {

std::uint32_t free_blocks_in_group(ext2_filsys fs, dgrp_t group) {
  const blk64_t first = ext2fs_group_first_block2(fs, group);
  const blk64_t last = ext2fs_group_last_block2(fs, group);
  std::uint32_t free_here = 0;
  for (blk64_t block = first; block <= last; ++block) {
    blk64_t zero = 0;
    if (ext2fs_find_first_zero_block_bitmap2(fs->block_map, block, last, &zero) != 0) break;
    blk64_t set = last + 1;
    if (ext2fs_find_first_set_block_bitmap2(fs->block_map, zero, last, &set) != 0) set = last + 1;
    free_here += static_cast<std::uint32_t>(set - zero);
    block = set;
  }
  return free_here;
}

Result<void> check_counts(ext2_filsys fs, const std::string& name) {
  const auto wrong = [&](std::string_view what) {
    return refused(fmt::format("{}: is damaged: {}; run 'e2fsck -f' on it first", name, what));
  };
  if (fs->cluster_ratio_bits == 0) {
    std::uint64_t total = 0;
    for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
      const std::uint32_t free_here = free_blocks_in_group(fs, group);
      if (free_here != ext2fs_bg_free_blocks_count(fs, group))
        return wrong(fmt::format("group {} has {} free blocks, its descriptor says {}", group, free_here,
                                 ext2fs_bg_free_blocks_count(fs, group)));
      total += free_here;
    }
    if (total != ext2fs_free_blocks_count(fs->super))
      return wrong(fmt::format("{} blocks are free, the superblock says {}", total,
                               ext2fs_free_blocks_count(fs->super)));
  }
  std::uint64_t inodes = 0;
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group)
    inodes += ext2fs_bg_free_inodes_count(fs, group);
  if (inodes != fs->super->s_free_inodes_count)
    return wrong(fmt::format("its groups have {} free inodes, the superblock says {}", inodes,
                             fs->super->s_free_inodes_count));
  return {};
}

}  // namespace cg::image
