// Superblocks and group descriptors, field by field. Checksums are left out: they follow from the rest.
#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "image/compare.h"
#include "image/disk/uuid.h"
#include "image/ext4/read/features.h"

namespace cg::image {
namespace {

struct Field {
  const char* name;
  std::uint64_t (*value)(const ext2_super_block&);
};

#define CG_FIELD(name, member)                                                                   \
  Field {                                                                                        \
    name, [](const ext2_super_block& super) { return static_cast<std::uint64_t>(super.member); } \
  }

constexpr Field fields[] = {
    CG_FIELD("inodes", s_inodes_count),
    {"blocks",
     [](const ext2_super_block& super) -> std::uint64_t {
       return ext2fs_blocks_count(const_cast<ext2_super_block*>(&super));
     }},
    {"reserved blocks",
     [](const ext2_super_block& super) -> std::uint64_t {
       return ext2fs_r_blocks_count(const_cast<ext2_super_block*>(&super));
     }},
    {"free blocks",
     [](const ext2_super_block& super) -> std::uint64_t {
       return ext2fs_free_blocks_count(const_cast<ext2_super_block*>(&super));
     }},
    CG_FIELD("free inodes", s_free_inodes_count),
    CG_FIELD("first data block", s_first_data_block),
    CG_FIELD("block size (log)", s_log_block_size),
    CG_FIELD("cluster size (log)", s_log_cluster_size),
    CG_FIELD("blocks per group", s_blocks_per_group),
    CG_FIELD("clusters per group", s_clusters_per_group),
    CG_FIELD("inodes per group", s_inodes_per_group),
    CG_FIELD("mount time", s_mtime),
    CG_FIELD("write time", s_wtime),
    CG_FIELD("mounts", s_mnt_count),
    CG_FIELD("mounts before a check", s_max_mnt_count),
    CG_FIELD("state", s_state),
    CG_FIELD("errors behaviour", s_errors),
    CG_FIELD("last check", s_lastcheck),
    CG_FIELD("check interval", s_checkinterval),
    CG_FIELD("creator", s_creator_os),
    CG_FIELD("revision", s_rev_level),
    CG_FIELD("uid of reserved blocks", s_def_resuid),
    CG_FIELD("gid of reserved blocks", s_def_resgid),
    CG_FIELD("first inode", s_first_ino),
    CG_FIELD("inode size", s_inode_size),
    CG_FIELD("reserved descriptor blocks", s_reserved_gdt_blocks),
    CG_FIELD("journal inode", s_journal_inum),
    CG_FIELD("journal device", s_journal_dev),
    CG_FIELD("last orphan", s_last_orphan),
    CG_FIELD("hash version", s_def_hash_version),
    CG_FIELD("journal backup type", s_jnl_backup_type),
    CG_FIELD("descriptor size", s_desc_size),
    CG_FIELD("default mount options", s_default_mount_opts),
    CG_FIELD("first meta_bg", s_first_meta_bg),
    CG_FIELD("made at", s_mkfs_time),
    CG_FIELD("least extra inode size", s_min_extra_isize),
    CG_FIELD("wanted extra inode size", s_want_extra_isize),
    CG_FIELD("flags", s_flags),
    CG_FIELD("groups per flex group (log)", s_log_groups_per_flex),
    CG_FIELD("checksum type", s_checksum_type),
    CG_FIELD("written KiB", s_kbytes_written),
    CG_FIELD("error count", s_error_count),
    CG_FIELD("overhead clusters", s_overhead_clusters),
    CG_FIELD("checksum seed", s_checksum_seed),
    CG_FIELD("orphan file inode", s_orphan_file_inum),
};
#undef CG_FIELD

std::string uuid_text(const __u8 (&bytes)[16]) {
  Uuid uuid{};
  std::copy_n(bytes, uuid.size(), uuid.begin());
  return to_string(uuid);
}

std::string label_text(const ext2_super_block& super) {
  const auto* label = reinterpret_cast<const char*>(super.s_volume_name);
  return {label, strnlen(label, sizeof super.s_volume_name)};
}

std::string words(const __u32* at, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{:08x}", at[i]);
  return text;
}

}  // namespace

void compare_superblocks(const ExtFiles& first, const ExtFiles& second, Differences& differences) {
  const std::string where = "superblock";
  const ext2_super_block& a = *first.filesystem()->super;
  const ext2_super_block& b = *second.filesystem()->super;
  for (const Field& field : fields) differences.compare(where, field.name, field.value(a), field.value(b));
  const auto features = [](const ext2_super_block& super) { return join(feature_names(super), " "); };
  differences.compare(where, "features", features(a), features(b));
  differences.compare(where, "UUID", uuid_text(a.s_uuid), uuid_text(b.s_uuid));
  differences.compare(where, "label", label_text(a), label_text(b));
  differences.compare(where, "hash seed", words(a.s_hash_seed, 4), words(b.s_hash_seed, 4));
  differences.compare(where, "journal backup", words(a.s_jnl_blocks, 17), words(b.s_jnl_blocks, 17));
}

void compare_groups(const ExtFiles& ours, const ExtFiles& theirs, Differences& differences) {
  const ext2_filsys first = ours.filesystem();
  const ext2_filsys second = theirs.filesystem();
  differences.compare("group descriptors", "groups", std::uint64_t{first->group_desc_count},
                      std::uint64_t{second->group_desc_count});
  for (dgrp_t group = 0; group < std::min(first->group_desc_count, second->group_desc_count); ++group) {
    if (differences.full()) return;
    const std::string where = fmt::format("group {}", group);
    const auto one = [&](const char* what, auto value) {
      differences.compare(where, what, static_cast<std::uint64_t>(value(first, group)),
                          static_cast<std::uint64_t>(value(second, group)));
    };
    one("block bitmap", ext2fs_block_bitmap_loc);
    one("inode bitmap", ext2fs_inode_bitmap_loc);
    one("inode table", ext2fs_inode_table_loc);
    one("free blocks", ext2fs_bg_free_blocks_count);
    one("free inodes", ext2fs_bg_free_inodes_count);
    one("directories", ext2fs_bg_used_dirs_count);
    one("unused inodes", ext2fs_bg_itable_unused);
    one("flags", ext2fs_bg_flags);
  }
}

}  // namespace cg::image
