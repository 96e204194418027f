// How an image comes to be. File content lies in the file already, from the first free block upwards. Then:
//   1. a UUID and hash seed from the tree (they enter the checksums and the directories' hashes);
//   2. inodes as bytes, with the blocks that hang on them placed after the content, and the journal;
//   3. the size: what is used so far, plus bitmaps and inode tables for as many groups as that makes;
//   4. libext2fs sets up superblock and descriptors for that size; bitmaps and inode tables are placed after
//   all
//      else, which flex_bg allows;
//   5. checksums are set and everything is written, upwards; libext2fs writes its own part last.
// An automatic size therefore always fits. With a fixed one, step 4 finds out.
#include "image/ext4/write/ext4_writer.h"

#include <ext2fs/ext2fs.h>
#include <fmt/compile.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>

#include "base/round.h"
#include "base/sha256.h"
#include "image/ext4/read/ext2_error.h"
#include "image/ext4/read/ext2_io.h"
#include "image/ext4/read/group_counts.h"
#include "image/ext4/read/xattr.h"
#include "image/ext4/write/inode_table.h"

namespace cg::image {
namespace {

static_assert(std::endian::native == std::endian::little, "structures are written as they lie in memory");

constexpr std::uint64_t megabyte_blocks = (1 << 20) / block_size;
constexpr std::uint64_t free_bytes_per_inode = 16384;  // where nothing else is wished
constexpr std::uint32_t inodes_per_block = block_size / inode_size;
constexpr std::uint64_t least_journal_blocks = 1024;  // fewer the kernel refuses

struct Identity {
  Uuid uuid;
  std::uint32_t hash_seed[4];
  std::int64_t time;  // of everything that is not an entry of the tree
};

Identity identify(const Tree& tree, const ImageOptions& options) {
  Identity identity{};
  Sha256 digest;
  digest.update(options.label).update("\n");
  std::int64_t newest = 0;
  fmt::memory_buffer line;
  tree.visit([&](const std::string& path, InodeIndex index) {
    const Inode& inode = tree.at(index);
    const Metadata& meta = inode.meta;
    newest = std::max(newest, meta.mtime.seconds);
    line.clear();
    fmt::format_to(std::back_inserter(line), FMT_COMPILE("{}\t{} {:o} {}:{} {} {}.{} {}:{}\t{}\n"), path,
                   static_cast<int>(meta.type), meta.mode, meta.uid, meta.gid, inode.size, meta.mtime.seconds,
                   meta.mtime.nanoseconds, meta.device_major, meta.device_minor, meta.target);
    digest.update(std::string_view(line.data(), line.size()));
  });
  const std::string text = digest.hex();
  identity.uuid = options.uuid.value_or(derive_uuid(text));
  const Uuid seed = derive_uuid(to_string(identity.uuid) + " hash seed");
  std::memcpy(identity.hash_seed, seed.data(), seed.size());
  identity.time = std::max<std::int64_t>(1, std::min(newest, options.source_date_epoch.value_or(newest)));
  return identity;
}

struct Plan {
  std::uint64_t blocks;
  std::uint64_t inodes;
};

std::uint64_t groups_of(std::uint64_t blocks) {
  return (blocks + blocks_per_group - 1) / blocks_per_group;
}

std::uint64_t table_blocks(std::uint64_t inodes, std::uint64_t groups) {
  return ((inodes + groups - 1) / groups + inodes_per_block - 1) / inodes_per_block;
}

// The inodes of a file system with that many blocks when the user has a wish; `by_default` when not.
std::uint64_t wished_inodes(const ImageOptions& options, std::uint64_t blocks, std::uint64_t used,
                            std::uint64_t by_default) {
  if (!options.inodes && !options.bytes_per_inode) return by_default;
  return std::max({used, options.inodes.value_or(0),
                   options.bytes_per_inode ? blocks * block_size / *options.bytes_per_inode : 0});
}

// The smallest whole number of megabytes that holds what is used, metadata and the wished free space.
Plan plan_automatic(const Space& space, std::uint64_t used_inodes, std::uint64_t free_blocks,
                    const ImageOptions& options) {
  std::uint64_t blocks = space.end() + free_blocks;
  for (;;) {
    const std::uint64_t inodes = wished_inodes(options, blocks, used_inodes,
                                               used_inodes + std::max<std::uint64_t>(used_inodes / 8, 32) +
                                                   free_blocks * block_size / free_bytes_per_inode);
    const std::uint64_t groups = groups_of(blocks);
    const std::uint64_t table = table_blocks(inodes, groups);
    std::uint64_t need = space.end() + free_blocks + groups * (2 + table);
    // A superblock copy further up takes its own place, and may leave a gap too short for an inode table.
    for (std::uint64_t group = space.end() / blocks_per_group + 1; group < groups; ++group)
      if (has_superblock(group)) need += 1 + (space.most_blocks() / blocks_per_group + 63) / 64 + table;
    need = std::max<std::uint64_t>(round_up(need, megabyte_blocks), megabyte_blocks);
    if (need <= blocks) return {blocks, inodes};
    blocks = need;
  }
}

// What the frame makes of it.
Plan plan_framed(const Plan& plan, const ImageOptions& options) {
  const Frame& frame = options.frame;
  const std::uint64_t blocks = frame.inside(frame.around(plan.blocks * block_size)) / block_size;
  return {blocks, wished_inodes(options, blocks, plan.inodes,
                                plan.inodes + (blocks - plan.blocks) * block_size / free_bytes_per_inode)};
}

Plan plan_fixed(std::uint64_t bytes, std::uint64_t used_inodes, const ImageOptions& options) {
  const std::uint64_t by_default =
      std::max({used_inodes + used_inodes / 8, bytes / free_bytes_per_inode, used_inodes + 16});
  return {bytes / block_size, wished_inodes(options, bytes / block_size, used_inodes, by_default)};
}

Result<Filesystem> initialize(Device& device, const Plan& plan, const Identity& identity,
                              const ImageOptions& options) {
  ext2_super_block param{};
  param.s_rev_level = EXT2_DYNAMIC_REV;
  param.s_log_block_size = 2;
  param.s_log_cluster_size = 2;
  param.s_inode_size = inode_size;
  param.s_desc_size = EXT2_MIN_DESC_SIZE_64BIT;
  param.s_log_groups_per_flex = 4;
  param.s_inodes_count = static_cast<__u32>(plan.inodes);
  param.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX;
  param.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                             EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
  param.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                              EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                              EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
  ext2fs_blocks_count_set(&param, plan.blocks);
  ext2_filsys raw = nullptr;
  CG_EXT2("setting up the file system", ext2fs_initialize(device_io_name(device).c_str(), EXT2_FLAG_64BITS,
                                                          &param, device_io_manager(), &raw));
  Filesystem fs(raw);
  fs->now = identity.time;
  ext2_super_block& super = *fs->super;
  std::memcpy(super.s_uuid, identity.uuid.data(), identity.uuid.size());
  ext2fs_init_csum_seed(fs.get());
  std::memcpy(super.s_hash_seed, identity.hash_seed, sizeof identity.hash_seed);
  super.s_def_hash_version = EXT2_HASH_HALF_MD4;
  super.s_flags |= EXT2_FLAGS_SIGNED_HASH;
  super.s_checksum_type = EXT2_CRC32C_CHKSUM;
  super.s_min_extra_isize = super.s_want_extra_isize = inode_fixed_size - 128;
  super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
  super.s_max_mnt_count = -1;
  super.s_mkfs_time = super.s_lastcheck = super.s_wtime = static_cast<__u32>(identity.time);
  super.s_mkfs_time_hi = super.s_lastcheck_hi = super.s_wtime_hi = static_cast<__u8>(identity.time >> 32);
  std::memcpy(super.s_volume_name, options.label.data(),
              std::min(options.label.size(), sizeof super.s_volume_name));
  return fs;
}

// Places bitmaps and inode tables after all else, so that runs of a kind lie together. False: no room.
bool place_group_metadata(ext2_filsys fs, Space& space) {
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    const auto run = space.allocate_contiguous(1);
    if (!run) return false;
    ext2fs_block_bitmap_loc_set(fs, group, run->start);
  }
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    const auto run = space.allocate_contiguous(1);
    if (!run) return false;
    ext2fs_inode_bitmap_loc_set(fs, group, run->start);
  }
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    const auto run = space.allocate_contiguous(fs->inode_blocks_per_group);
    if (!run) return false;
    ext2fs_inode_table_loc_set(fs, group, run->start);
  }
  return space.end() <= ext2fs_blocks_count(fs->super);
}

void mark_used(ext2_filsys fs, const Space& space, const InodeTable& table) {
  // libext2fs has marked superblock copies and descriptors itself. Its count of free blocks also leaves out
  // bitmaps and inode tables, wherever they lie; it is made anew from the bitmap.
  for (const Run& run : space.taken())
    ext2fs_mark_block_bitmap_range2(fs->block_map, run.start, static_cast<blk_t>(run.count));
  for (const Run& run : space.released())
    ext2fs_unmark_block_bitmap_range2(fs->block_map, run.start, static_cast<blk_t>(run.count));
  std::uint64_t free_blocks = 0;
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    const blk64_t first = ext2fs_group_first_block2(fs, group);
    const blk64_t last = ext2fs_group_last_block2(fs, group);
    const std::uint32_t free_here = free_blocks_in_group(fs, group);
    ext2fs_bg_free_blocks_count_set(fs, group, free_here);
    if (ext2fs_bg_flags_test(fs, group, EXT2_BG_BLOCK_UNINIT) && free_here < last - first + 1)
      ext2fs_bg_flags_clear(fs, group, EXT2_BG_BLOCK_UNINIT);
    // The file was empty: what is not written of a table reads as zeros.
    ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED);
    free_blocks += free_here;
  }
  ext2fs_free_blocks_count_set(fs->super, free_blocks);

  std::size_t next_directory = 0;
  std::vector<std::uint32_t> directories = table.directories();
  std::ranges::sort(directories);
  for (std::uint32_t number = 1; number <= table.used(); ++number) {
    const bool directory = next_directory < directories.size() && directories[next_directory] == number;
    next_directory += directory;
    ext2fs_inode_alloc_stats2(fs, number, +1, directory);
  }
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) ext2fs_group_desc_csum_set(fs, group);
  ext2fs_mark_super_dirty(fs);
  ext2fs_mark_bb_dirty(fs);
  ext2fs_mark_ib_dirty(fs);
}

Result<void> seal(ext2_filsys fs, AttachedBlocks& blocks) {
  for (std::size_t at = 0; at < blocks.bytes.size(); at += block_size) {
    std::byte* const block = blocks.bytes.data() + at;
    switch (blocks.kind) {
      case BlockKind::directory:
        CG_EXT2("directory checksum",
                ext2fs_dir_block_csum_set(fs, blocks.owner, reinterpret_cast<ext2_dir_entry*>(block)));
        break;
      case BlockKind::extents:
        CG_EXT2("extent checksum",
                ext2fs_extent_block_csum_set(fs, blocks.owner, reinterpret_cast<ext3_extent_header*>(block)));
        break;
      case BlockKind::xattrs:
        CG_EXT2("attribute checksum",
                ext2fs_ext_attr_block_csum_set(fs, blocks.owner, blocks.physical + at / block_size,
                                               reinterpret_cast<ext2_ext_attr_header*>(block)));
        break;
      case BlockKind::plain:
        break;
    }
  }
  return {};
}

Result<void> write_journal(ext2_filsys fs, InodeTable& table, BlockFile& file, std::uint64_t blocks) {
  ext2fs_journal_params params{.num_journal_blocks = static_cast<blk_t>(blocks), .num_fc_blocks = 0};
  char* buffer = nullptr;
  CG_EXT2("journal superblock", ext2fs_create_journal_superblock2(fs, &params, 0, &buffer));
  const std::unique_ptr<char, void (*)(char*)> owner(buffer, [](char* memory) { ext2fs_free_mem(&memory); });
  CG_CHECK(file.write(table.journal_start(), std::as_bytes(std::span(buffer, block_size))));
  const auto& inode =
      *reinterpret_cast<const ext2_inode_large*>(table.bytes().data() + (journal_inode - 1) * inode_size);
  ext2_super_block& super = *fs->super;
  super.s_journal_inum = journal_inode;
  super.s_feature_compat |= EXT3_FEATURE_COMPAT_HAS_JOURNAL;
  super.s_jnl_backup_type = EXT3_JNL_BACKUP_BLOCKS;
  std::memcpy(super.s_jnl_blocks, inode.i_block, sizeof inode.i_block);
  super.s_jnl_blocks[15] = inode.i_size_high;
  super.s_jnl_blocks[16] = inode.i_size;
  return {};
}

Result<void> write_inodes(ext2_filsys fs, InodeTable& table, BlockFile& file) {
  auto& bytes = table.bytes();
  for (std::uint32_t number = 1; number <= table.used(); ++number) {
    auto* inode = reinterpret_cast<ext2_inode_large*>(bytes.data() + (number - 1) * inode_size);
    if (inode->i_mode == 0 && number < lost_and_found_inode) continue;  // reserved and unused
    CG_EXT2("inode checksum", ext2fs_inode_csum_set(fs, number, inode));
  }
  const std::size_t per_group = std::size_t{fs->super->s_inodes_per_group} * inode_size;
  for (std::size_t at = 0, group = 0; at < bytes.size(); at += per_group, ++group)
    CG_CHECK(file.write(ext2fs_inode_table_loc(fs, static_cast<dgrp_t>(group)),
                        std::span(bytes).subspan(at, std::min(per_group, bytes.size() - at))));
  return {};
}

}  // namespace

Result<ImageSummary> write_ext4(Tree& tree, Space& space, BlockFile& file, Device& device,
                                const ImageOptions& options) {
  const Identity identity = identify(tree, options);
  InodeTable table(space, options.source_date_epoch, identity.hash_seed);
  CG_CHECK(table.lay_out(tree));

  const std::uint64_t fixed =
      options.frame.inside(options.size.fixed.value_or(0));  // bytes for the file system
  const std::uint64_t wished_free = (options.size.extra + block_size - 1) / block_size;
  std::uint64_t journal =
      options.journal_bytes
          ? *options.journal_bytes / block_size
          // As mke2fs gives it; -1: too small for one.
          : static_cast<std::uint64_t>(
                std::max(0, ext2fs_default_journal_size(options.size.fixed ? fixed / block_size
                                                                           : space.end() + wished_free)));
  if (journal > 0 && journal < least_journal_blocks)
    return usage_error(fmt::format("a journal of {} blocks is too small; ext4 needs at least {} ({} KiB)",
                                   journal, least_journal_blocks, least_journal_blocks * block_size / 1024));
  if (journal > 0) CG_CHECK(table.add_journal(journal, identity.time));

  if (options.inodes && *options.inodes < table.used())
    return refused(
        fmt::format("the content needs {} inodes, and --inodes gives {}", table.used(), *options.inodes));
  const Space before_metadata = space;
  Plan plan = options.size.fixed
                  ? plan_fixed(fixed, table.used(), options)
                  : plan_framed(plan_automatic(space, table.used(), wished_free, options), options);
  Filesystem fs;
  for (;;) {
    if (plan.inodes > UINT32_MAX) return refused("more inodes than ext4 holds");
    CG_TRY(made, initialize(device, plan, identity, options));
    if (place_group_metadata(made.get(), space)) {
      fs = std::move(made);
      break;
    }
    space = before_metadata;
    const Plan needed = plan_automatic(space, table.used(), 0, options);
    if (options.size.fixed)
      return refused(fmt::format("the content does not fit {} bytes; --size {}M or --size auto holds it",
                                 *options.size.fixed,
                                 options.frame.around(std::max(needed.blocks, plan.blocks + 1) * block_size) /
                                         (megabyte_blocks * block_size) +
                                     1));
    plan = plan_framed({plan.blocks + megabyte_blocks, plan.inodes}, options);
  }
  mark_used(fs.get(), space, table);
  for (AttachedBlocks& blocks : table.blocks()) {
    CG_CHECK(seal(fs.get(), blocks));
    CG_CHECK(file.write(blocks.physical, blocks.bytes));
    blocks.bytes = {};
  }
  if (journal > 0) CG_CHECK(write_journal(fs.get(), table, file, journal));
  CG_CHECK(write_inodes(fs.get(), table, file));
  CG_CHECK(file.flush());

  ImageSummary summary{.blocks = ext2fs_blocks_count(fs->super),
                       .free_blocks = ext2fs_free_blocks_count(fs->super),
                       .inodes = fs->super->s_inodes_count,
                       .used_inodes = table.used(),
                       .files = table.files(),
                       .directories = table.directories().size(),
                       .data_bytes = table.data_bytes(),
                       .uuid = to_string(identity.uuid)};
  // The caller syncs the whole file once.
  CG_EXT2("writing the image", ext2fs_close2(fs.get(), EXT2_FLAG_FLUSH_NO_SYNC));
  (void)fs.release();
  return summary;
}

}  // namespace cg::image
