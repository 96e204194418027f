#include "image/ext4/read/features.h"

#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace cg::image {
namespace {

struct Feature {
  char word;
  std::uint32_t mask;
  const char* name;
};

constexpr Feature known[] = {
    {'C', EXT2_FEATURE_COMPAT_DIR_PREALLOC, "dir_prealloc"},
    {'C', EXT3_FEATURE_COMPAT_HAS_JOURNAL, "has_journal"},
    {'C', EXT2_FEATURE_COMPAT_EXT_ATTR, "ext_attr"},
    {'C', EXT2_FEATURE_COMPAT_RESIZE_INODE, "resize_inode"},
    {'C', EXT2_FEATURE_COMPAT_DIR_INDEX, "dir_index"},
    {'C', EXT4_FEATURE_COMPAT_SPARSE_SUPER2, "sparse_super2"},
    {'C', EXT4_FEATURE_COMPAT_FAST_COMMIT, "fast_commit"},
    {'C', EXT4_FEATURE_COMPAT_STABLE_INODES, "stable_inodes"},
    {'C', EXT4_FEATURE_COMPAT_ORPHAN_FILE, "orphan_file"},
    {'I', EXT2_FEATURE_INCOMPAT_FILETYPE, "filetype"},
    {'I', EXT3_FEATURE_INCOMPAT_RECOVER, "needs_recovery"},
    {'I', EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, "journal_dev"},
    {'I', EXT2_FEATURE_INCOMPAT_META_BG, "meta_bg"},
    {'I', EXT3_FEATURE_INCOMPAT_EXTENTS, "extent"},
    {'I', EXT4_FEATURE_INCOMPAT_64BIT, "64bit"},
    {'I', EXT4_FEATURE_INCOMPAT_MMP, "mmp"},
    {'I', EXT4_FEATURE_INCOMPAT_FLEX_BG, "flex_bg"},
    {'I', EXT4_FEATURE_INCOMPAT_EA_INODE, "ea_inode"},
    {'I', EXT4_FEATURE_INCOMPAT_CSUM_SEED, "metadata_csum_seed"},
    {'I', EXT4_FEATURE_INCOMPAT_LARGEDIR, "large_dir"},
    {'I', EXT4_FEATURE_INCOMPAT_INLINE_DATA, "inline_data"},
    {'I', EXT4_FEATURE_INCOMPAT_ENCRYPT, "encrypt"},
    {'I', EXT4_FEATURE_INCOMPAT_CASEFOLD, "casefold"},
    {'R', EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER, "sparse_super"},
    {'R', EXT2_FEATURE_RO_COMPAT_LARGE_FILE, "large_file"},
    {'R', EXT4_FEATURE_RO_COMPAT_HUGE_FILE, "huge_file"},
    {'R', EXT4_FEATURE_RO_COMPAT_GDT_CSUM, "uninit_bg"},
    {'R', EXT4_FEATURE_RO_COMPAT_DIR_NLINK, "dir_nlink"},
    {'R', EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE, "extra_isize"},
    {'R', EXT4_FEATURE_RO_COMPAT_QUOTA, "quota"},
    {'R', EXT4_FEATURE_RO_COMPAT_BIGALLOC, "bigalloc"},
    {'R', EXT4_FEATURE_RO_COMPAT_METADATA_CSUM, "metadata_csum"},
    {'R', EXT4_FEATURE_RO_COMPAT_READONLY, "read-only"},
    {'R', EXT4_FEATURE_RO_COMPAT_PROJECT, "project"},
    {'R', EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS, "shared_blocks"},
    {'R', EXT4_FEATURE_RO_COMPAT_VERITY, "verity"},
    {'R', EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, "orphan_present"},
};

}  // namespace

std::vector<std::string> feature_names(const ext2_super_block& super) {
  std::vector<std::string> names;
  const std::pair<char, std::uint32_t> words[] = {
      {'C', super.s_feature_compat}, {'I', super.s_feature_incompat}, {'R', super.s_feature_ro_compat}};
  for (const auto& [word, bits] : words) {
    for (int bit = 0; bit < 32; ++bit) {
      if (!(bits >> bit & 1)) continue;
      const auto* found = std::ranges::find_if(
          known, [&](const Feature& feature) { return feature.word == word && feature.mask == 1U << bit; });
      names.push_back(found != std::end(known) ? found->name : fmt::format("FEATURE_{}{}", word, bit));
    }
  }
  return names;
}

}  // namespace cg::image
