#include "image/ext4/write/extent_tree.h"

#include <endian.h>
#include <ext2fs/ext2_types.h>
#ifndef __le32
#define __le32 __u32
#define __le16 __u16
#endif
#include <ext2fs/ext3_extents.h>

#include <algorithm>
#include <cstring>

namespace cg::image {
namespace {

constexpr std::size_t entry_size = sizeof(ext3_extent);
static_assert(entry_size == sizeof(ext3_extent_idx) && entry_size == sizeof(ext3_extent_header));
constexpr std::size_t in_inode = 4;
constexpr std::size_t in_block =
    (block_size - sizeof(ext3_extent_header) - sizeof(ext3_extent_tail)) / entry_size;

using Entry = std::array<std::byte, entry_size>;  // a leaf's ext3_extent or a node's ext3_extent_idx

struct Level {
  std::vector<Entry> entries;
  std::vector<std::uint32_t> logical;  // first file block of each
};

Level leaf_level(const std::vector<Extent>& extents) {
  Level level;
  for (const Extent& extent : extents) {
    for (std::uint64_t done = 0; done < extent.count;) {
      const std::uint64_t count = std::min<std::uint64_t>(extent.count - done, EXT_INIT_MAX_LEN);
      const std::uint64_t physical = extent.physical + done;
      const ext3_extent leaf{.ee_block = static_cast<__u32>(extent.logical + done),
                             .ee_len = static_cast<__u16>(count),
                             .ee_start_hi = static_cast<__u16>(physical >> 32),
                             .ee_start = static_cast<__u32>(physical)};
      std::memcpy(level.entries.emplace_back().data(), &leaf, entry_size);
      level.logical.push_back(leaf.ee_block);
      done += count;
    }
  }
  return level;
}

void put_node(std::byte* at, const Level& level, std::size_t begin, std::size_t count, std::size_t capacity,
              std::size_t depth) {
  const ext3_extent_header header{.eh_magic = EXT3_EXT_MAGIC,
                                  .eh_entries = static_cast<__u16>(count),
                                  .eh_max = static_cast<__u16>(capacity),
                                  .eh_depth = static_cast<__u16>(depth),
                                  .eh_generation = 0};
  std::memcpy(at, &header, sizeof header);
  if (count > 0) std::memcpy(at + sizeof header, level.entries[begin].data(), count * entry_size);
}

}  // namespace

std::optional<ExtentTree> build_extent_tree(const std::vector<Extent>& extents, Space& space) {
  ExtentTree tree;
  Level level = leaf_level(extents);
  std::size_t depth = 0;
  while (level.entries.size() > in_inode) {
    Level above;
    for (std::size_t begin = 0; begin < level.entries.size(); begin += in_block) {
      const std::size_t count = std::min(in_block, level.entries.size() - begin);
      const auto run = space.allocate_contiguous(1);
      if (!run) return std::nullopt;
      auto& block = tree.blocks.emplace_back(run->start, std::vector<std::byte>(block_size));
      put_node(block.bytes.data(), level, begin, count, in_block, depth);
      const ext3_extent_idx index{.ei_block = level.logical[begin],
                                  .ei_leaf = static_cast<__u32>(run->start),
                                  .ei_leaf_hi = static_cast<__u16>(run->start >> 32),
                                  .ei_unused = 0};
      std::memcpy(above.entries.emplace_back().data(), &index, entry_size);
      above.logical.push_back(level.logical[begin]);
    }
    level = std::move(above);
    ++depth;
  }
  put_node(tree.inode_part.data(), level, 0, level.entries.size(), in_inode, depth);
  return tree;
}

}  // namespace cg::image
