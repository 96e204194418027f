// New groups are made as resize2fs makes them without moving anything: the group descriptors' blocks have
// room for more descriptors, or blocks are kept for them, and a group's bitmaps and inode table lie in the
// group itself.
#include "image/ext4/edit/grow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/round.h"
#include "image/disk/frame.h"
#include "image/disk/gpt.h"
#include "image/disk/mbr.h"
#include "image/disk/steps.h"
#include "image/ext4/read/ext2_error.h"
#include "image/ext4/read/ext2_io.h"
#include "image/ext4/read/group_counts.h"

namespace cg::image {
namespace {

constexpr std::uint64_t least_free = 50;  // blocks of a last group that is worth having

Result<void> check_growable(ext2_filsys fs, const std::string& name) {
  const auto no = [&](std::string_view why) {
    return refused(fmt::format("{}: cannot be grown here: {}; resize2fs may be able to", name, why));
  };
  if (ext2fs_has_feature_meta_bg(fs->super)) return no("it has the feature meta_bg");
  if (ext2fs_has_feature_bigalloc(fs->super)) return no("it has the feature bigalloc");
  if (ext2fs_has_feature_sparse_super2(fs->super)) return no("it has the feature sparse_super2");
  return {};
}

// Behind the descriptors' blocks lie blocks that are kept for more of them, in each group that has a copy,
// and the resize inode owns them (Linux fs/ext4/resize.c, add_new_gdb).
Result<void> make_room_for_descriptors(ext2_filsys fs, std::uint64_t groups, const std::string& name) {
  ext2_super_block& super = *fs->super;
  const auto per_block = static_cast<std::uint64_t>(EXT2_DESC_PER_BLOCK(fs->super));
  const std::uint64_t wanted = (groups + per_block - 1) / per_block;
  if (wanted <= fs->desc_blocks) return {};
  const std::uint64_t extra = wanted - fs->desc_blocks;
  const std::uint64_t reserved =
      ext2fs_has_feature_resize_inode(fs->super) ? std::uint64_t{super.s_reserved_gdt_blocks} : 0;
  if (extra > reserved)
    return refused(fmt::format(
        "{}: cannot be grown here to {} groups, its descriptors have room for {}; resize2fs may be able to",
        name, groups, (fs->desc_blocks + reserved) * per_block));
  const std::size_t old_bytes = fs->desc_blocks * std::size_t{fs->blocksize};
  const std::size_t new_bytes = wanted * std::size_t{fs->blocksize};
  CG_EXT2(name + ": its descriptors", ext2fs_resize_mem(old_bytes, new_bytes, &fs->group_desc));
  memset(reinterpret_cast<char*>(fs->group_desc) + old_bytes, 0, new_bytes - old_bytes);
  fs->desc_blocks = wanted;
  super.s_reserved_gdt_blocks = static_cast<__u16>(reserved - extra);
  return {};
}

// The resize inode names each block that is still kept, and its copies, the new groups' too. What it named
// before is forgotten first: descriptors may have taken some of those.
Result<void> list_reserved_blocks(ext2_filsys fs, const std::string& name) {
  const std::string what = name + ": its resize inode";
  ext2_inode inode{};
  CG_EXT2(what, ext2fs_read_inode(fs, EXT2_RESIZE_INO, &inode));
  const blk_t list = inode.i_block[EXT2_DIND_BLOCK];
  if (list != 0) {
    if (list < fs->super->s_first_data_block || list >= ext2fs_blocks_count(fs->super))
      return refused(what + " is damaged");
    CG_EXT2(what, ext2fs_iblk_set(fs, &inode, 1));
    CG_EXT2(what, ext2fs_write_inode(fs, EXT2_RESIZE_INO, &inode));
    std::vector<char> empty(fs->blocksize, '\0');
    CG_EXT2(what, io_channel_write_blk64(fs->io, list, 1, empty.data()));
  }
  CG_EXT2(what, ext2fs_create_resize_inode(fs));
  return {};
}

Result<void> add_groups(ext2_filsys fs, std::uint64_t blocks, const std::string& name) {
  CG_CHECK(check_growable(fs, name));
  ext2_super_block& super = *fs->super;
  const dgrp_t old_groups = fs->group_desc_count;
  const std::uint64_t per_group = super.s_blocks_per_group;
  const std::uint64_t first = super.s_first_data_block;
  std::uint64_t groups = (blocks - first + per_group - 1) / per_group;
  const std::uint64_t rest = (blocks - first) % per_group;
  // A last group that is too short for its own metadata is left out.
  const std::uint64_t overhead =
      3 + fs->inode_blocks_per_group + fs->desc_blocks + super.s_reserved_gdt_blocks;
  if (groups > old_groups && rest != 0 && rest < overhead + least_free) blocks = first + --groups * per_group;
  if (blocks <= ext2fs_blocks_count(fs->super)) return refused(name + ": cannot be grown by so little");
  CG_CHECK(make_room_for_descriptors(fs, groups, name));
  const std::uint64_t inodes = std::uint64_t{super.s_inodes_per_group} * groups;
  if (inodes > std::numeric_limits<std::uint32_t>::max())
    return refused(name + ": cannot be grown: it would have too many inodes");

  ext2fs_blocks_count_set(fs->super, blocks);
  fs->group_desc_count = static_cast<dgrp_t>(groups);
  super.s_inodes_count = static_cast<__u32>(inodes);
  super.s_overhead_clusters = 0;  // the kernel counts it anew
  CG_EXT2(name, ext2fs_resize_inode_bitmap2(super.s_inodes_count, super.s_inodes_count, fs->inode_map));
  CG_EXT2(name, ext2fs_resize_block_bitmap2(blocks - 1, groups * per_group - 1 + first, fs->block_map));
  const bool checksums = ext2fs_has_group_desc_csum(fs);
  for (dgrp_t group = old_groups; group < groups; ++group) {
    memset(ext2fs_group_desc(fs, fs->group_desc, group), 0, EXT2_DESC_SIZE(fs->super));
    ext2fs_bg_free_inodes_count_set(fs, group, super.s_inodes_per_group);
    if (checksums) {
      ext2fs_bg_itable_unused_set(fs, group, super.s_inodes_per_group);
      // The new part of the file reads as zeros.
      ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_UNINIT | EXT2_BG_INODE_ZEROED);
    }
    ext2fs_reserve_super_and_bgd(fs, group, fs->block_map);
    super.s_free_inodes_count += super.s_inodes_per_group;
  }
  for (dgrp_t group = old_groups; group < groups; ++group)
    CG_EXT2(name, ext2fs_allocate_group_table(fs, group, fs->block_map));
  std::uint64_t free_blocks = 0;
  for (dgrp_t group = 0; group < groups; ++group) {
    if (group + 1 >= old_groups) {
      const std::uint32_t free_here = free_blocks_in_group(fs, group);
      ext2fs_bg_free_blocks_count_set(fs, group, free_here);
      ext2fs_bg_flags_clear(fs, group, EXT2_BG_BLOCK_UNINIT);
      ext2fs_group_desc_csum_set(fs, group);
    }
    free_blocks += ext2fs_bg_free_blocks_count(fs, group);
  }
  ext2fs_free_blocks_count_set(fs->super, free_blocks);
  if (ext2fs_has_feature_resize_inode(fs->super)) CG_CHECK(list_reserved_blocks(fs, name));
  ext2fs_mark_super_dirty(fs);
  ext2fs_mark_bb_dirty(fs);
  ext2fs_mark_ib_dirty(fs);
  return {};
}

// Gives a partition another place in every table that lists it.
Result<void> put_partition(Device& disk, Scheme scheme, unsigned number, std::uint64_t offset,
                           std::uint64_t bytes) {
  switch (scheme) {
    case Scheme::raw:
      return {};
    case Scheme::dax:
      CG_CHECK(resize_mbr_entry(disk, dax_data_offset, number, (offset - dax_data_offset) / sector_bytes,
                                bytes / sector_bytes));
      [[fallthrough]];
    case Scheme::mbr:
      return resize_mbr_entry(disk, 0, number, offset / sector_bytes, bytes / sector_bytes);
    case Scheme::gpt:
      return resize_gpt_entry(disk, number, offset, bytes);
  }
  return {};
}

}  // namespace

Result<Place> grow_file_system(Overlay& disk, const DiskLayout& layout, const Place& place,
                               std::uint64_t extra) {
  const std::string& name = disk.name();
  // A tree of hashes is made anew after an edit, so that it may lie elsewhere.
  const auto frame = frame_of(layout);
  const Partition* const tree = frame && frame->verity && place.partition == layout.partitions[0].number
                                    ? &layout.partitions[1]
                                    : nullptr;
  for (const Partition& other : layout.partitions)
    if (other.offset > place.offset && &other != tree)
      return refused(fmt::format("{}: cannot be grown: partition {} lies behind partition {}", name,
                                 other.number, place.partition));
  Place grown = place;
  std::uint64_t fs_bytes = 0;
  {
    Window window(disk, place.offset, place.bytes);
    CG_TRY(handle, open_ext(window, 0));
    fs_bytes = ext2fs_blocks_count(handle->super) * handle->blocksize;
  }
  const std::uint64_t old_size = disk.size();
  const std::uint64_t tail = layout.scheme == Scheme::gpt ? megabyte : 0;  // for the table's copy
  const std::uint64_t step = old_size % kata_step == 0 ? kata_step : megabyte;
  const std::uint64_t size = tree
                                 ? std::max(frame->around(fs_bytes + extra), old_size)
                                 : round_up(std::max(place.offset + fs_bytes + extra + tail, old_size), step);
  grown.bytes = tree ? frame->inside(size) : size - tail - place.offset;
  disk.resize(size);
  CG_CHECK(disk.put_zeros(place.offset + fs_bytes, old_size - std::min(old_size, place.offset + fs_bytes)));
  CG_CHECK(put_partition(disk, layout.scheme, place.partition, place.offset, grown.bytes));
  if (tree) {
    const std::uint64_t start = frame->verity_offset(size);
    CG_CHECK(put_partition(disk, layout.scheme, tree->number, start, size - tail - start));
  }
  Window window(disk, grown.offset, grown.bytes);
  CG_TRY(handle, open_ext(window, EXT2_FLAG_RW));
  CG_EXT2(name + ": reading its bitmaps", ext2fs_read_bitmaps(handle.get()));
  handle->now = handle->super->s_wtime ? handle->super->s_wtime : 1;
  CG_CHECK(add_groups(handle.get(), grown.bytes / handle->blocksize, name));
  CG_EXT2(name + ": growing it", ext2fs_flush2(handle.get(), EXT2_FLAG_FLUSH_NO_SYNC));
  return grown;
}

}  // namespace cg::image
