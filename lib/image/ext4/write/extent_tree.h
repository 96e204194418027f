// A file's extents as ext4 stores them: up to four in the inode, more in a tree of blocks below it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "image/ext4/write/space.h"
#include "image/tree/tree.h"

namespace cg::image {

struct ExtentTree {
  std::array<std::byte, 60> inode_part{};  // i_block
  struct Block {
    std::uint64_t physical;
    std::vector<std::byte> bytes;  // its checksum is still to be set
  };
  std::vector<Block> blocks;
};

// Takes the blocks that the tree itself needs from `space`; nothing when there is no room.
std::optional<ExtentTree> build_extent_tree(const std::vector<Extent>& extents, Space& space);

}  // namespace cg::image
