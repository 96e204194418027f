// Directories as ext4 stores them: one linear block when the entries fit, else an htree (hash index) made in
// one go from the sorted hashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::image {

struct DirectoryEntry {
  std::string_view name;
  std::uint32_t inode = 0;
  std::uint8_t file_type = 0;  // EXT2_FT_*
};

struct DirectoryBlocks {
  std::vector<std::byte> bytes;  // whole blocks; the checksums in their tails are still to be set
  bool indexed = false;          // the inode needs EXT4_INDEX_FL
};

// `hash_seed` is the superblock's. Refused when there are more entries than two index levels hold.
Result<DirectoryBlocks> build_directory(std::uint32_t self, std::uint32_t parent,
                                        const std::vector<DirectoryEntry>& entries,
                                        const std::uint32_t hash_seed[4]);

// An empty directory of `count` linear blocks: lost+found, which fsck wants room in beforehand.
std::vector<std::byte> build_directory_with_room(std::uint32_t self, std::uint32_t parent, std::size_t count);

}  // namespace cg::image
