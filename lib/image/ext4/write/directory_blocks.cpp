// Layout of an indexed directory (Linux Documentation/filesystems/ext4, "Hash Tree Directories"): block 0
// holds the names "." and ".." - the second one's record covers the rest of the block - and in that rest the
// root of the index: a short header, then {hash, block} pairs of which the first has no hash but {limit,
// count} in its place. A leaf is an ordinary block of entries whose hashes lie between its pair's hash and
// the next one's.
#include "image/ext4/write/directory_blocks.h"

#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "image/bytes/block.h"

namespace cg::image {
namespace {

constexpr std::size_t header_size = EXT2_DIR_ENTRY_HEADER_LEN;
constexpr std::size_t tail_size = sizeof(ext2_dir_entry_tail);
constexpr std::size_t usable = block_size - tail_size;
constexpr std::size_t root_index_at = 32;  // "." (12), ".." (12), header (8)
constexpr std::size_t root_limit =
    (block_size - root_index_at - sizeof(ext2_dx_tail)) / sizeof(ext2_dx_entry);
constexpr std::size_t node_limit = (block_size - header_size - sizeof(ext2_dx_tail)) / sizeof(ext2_dx_entry);

std::size_t record_size(std::size_t name_size) {
  return (header_size + name_size + 3) & ~std::size_t{3};
}

void put_entry(std::byte* at, std::uint32_t inode, std::size_t record, std::string_view name,
               std::uint8_t type) {
  const ext2_dir_entry_2 entry{.inode = inode,
                               .rec_len = static_cast<__u16>(record),
                               .name_len = static_cast<__u8>(name.size()),
                               .file_type = type,
                               .name = {}};
  std::memcpy(at, &entry, header_size);
  if (!name.empty()) std::memcpy(at + header_size, name.data(), name.size());
}

void put_tail(std::byte* block) {
  const ext2_dir_entry_tail tail{.det_reserved_zero1 = 0,
                                 .det_rec_len = tail_size,
                                 .det_reserved_name_len = EXT2_DIR_NAME_LEN_CSUM,
                                 .det_checksum = 0};
  std::memcpy(block + usable, &tail, tail_size);
}

// Fills one block with records; the last one reaches to the block's tail.
class BlockFiller {
 public:
  explicit BlockFiller(std::byte* block) : block_(block) {}
  void add(std::string_view name, std::uint32_t inode, std::uint8_t type) {
    last_ = at_;
    const std::size_t record = record_size(name.size());
    put_entry(block_ + at_, inode, record, name, type);
    at_ += record;
  }
  void finish() {
    const auto record = static_cast<__u16>(usable - last_);
    std::memcpy(block_ + last_ + offsetof(ext2_dir_entry_2, rec_len), &record, sizeof record);
    put_tail(block_);
  }

 private:
  std::byte* block_;
  std::size_t at_ = 0;
  std::size_t last_ = 0;
};

struct Hashed {
  std::uint32_t hash;
  std::uint32_t minor;
  const DirectoryEntry* entry;
};

struct Pair {
  std::uint32_t hash;
  std::uint32_t block;
};

void put_index(std::byte* at, std::size_t limit, const Pair* pairs, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const ext2_dx_entry entry{.hash = pairs[i].hash, .block = pairs[i].block};
    std::memcpy(at + i * sizeof entry, &entry, sizeof entry);
  }
  const ext2_dx_countlimit head{.limit = static_cast<__u16>(limit), .count = static_cast<__u16>(count)};
  std::memcpy(at, &head, sizeof head);
}

DirectoryBlocks build_indexed(std::uint32_t self, std::uint32_t parent, const std::vector<Hashed>& sorted) {
  // Cut into leaves.
  std::vector<std::size_t> first{0};
  std::size_t filled = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::size_t record = record_size(sorted[i].entry->name.size());
    if (filled + record > usable) {
      first.push_back(i);
      filled = 0;
    }
    filled += record;
  }
  const std::size_t leaves = first.size();
  const bool two_levels = leaves > root_limit;
  const std::size_t nodes = two_levels ? (leaves + node_limit - 1) / node_limit : 0;

  DirectoryBlocks result{.bytes = std::vector<std::byte>((1 + nodes + leaves) * block_size), .indexed = true};
  std::byte* const blocks = result.bytes.data();
  std::vector<Pair> pairs;
  pairs.reserve(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    const std::size_t begin = first[leaf];
    const std::size_t end = leaf + 1 < leaves ? first[leaf + 1] : sorted.size();
    const std::size_t block = 1 + nodes + leaf;
    BlockFiller filler(blocks + block * block_size);
    for (std::size_t i = begin; i < end; ++i)
      filler.add(sorted[i].entry->name, sorted[i].entry->inode, sorted[i].entry->file_type);
    filler.finish();
    // The low bit says that names with this very hash began in the leaf before.
    const bool continued = begin > 0 && sorted[begin - 1].hash == sorted[begin].hash;
    pairs.push_back({sorted[begin].hash | (continued ? 1U : 0U), static_cast<std::uint32_t>(block)});
  }
  std::vector<Pair> top;
  for (std::size_t node = 0; node < nodes; ++node) {
    const std::size_t begin = node * node_limit;
    const std::size_t count = std::min(node_limit, leaves - begin);
    std::byte* const block = blocks + (1 + node) * block_size;
    put_entry(block, 0, block_size, {}, 0);
    put_index(block + header_size, node_limit, &pairs[begin], count);
    top.push_back({pairs[begin].hash, static_cast<std::uint32_t>(1 + node)});
  }
  put_entry(blocks, self, 12, ".", EXT2_FT_DIR);
  put_entry(blocks + 12, parent, block_size - 12, "..", EXT2_FT_DIR);
  const ext2_dx_root_info info{.reserved_zero = 0,
                               .hash_version = EXT2_HASH_HALF_MD4,
                               .info_length = 8,
                               .indirect_levels = static_cast<__u8>(two_levels ? 1 : 0),
                               .unused_flags = 0};
  std::memcpy(blocks + root_index_at - sizeof info, &info, sizeof info);
  const auto& root = two_levels ? top : pairs;
  put_index(blocks + root_index_at, root_limit, root.data(), root.size());
  return result;
}

}  // namespace

Result<DirectoryBlocks> build_directory(std::uint32_t self, std::uint32_t parent,
                                        const std::vector<DirectoryEntry>& entries,
                                        const std::uint32_t hash_seed[4]) {
  std::size_t linear = 24;
  for (const auto& entry : entries) linear += record_size(entry.name.size());
  if (linear <= usable) {
    DirectoryBlocks result{.bytes = std::vector<std::byte>(block_size)};
    BlockFiller filler(result.bytes.data());
    filler.add(".", self, EXT2_FT_DIR);
    filler.add("..", parent, EXT2_FT_DIR);
    for (const auto& entry : entries) filler.add(entry.name, entry.inode, entry.file_type);
    filler.finish();
    return result;
  }
  std::vector<Hashed> sorted;
  sorted.reserve(entries.size());
  for (const auto& entry : entries) {
    Hashed hashed{.hash = 0, .minor = 0, .entry = &entry};
    ext2fs_dirhash(EXT2_HASH_HALF_MD4, entry.name.data(), static_cast<int>(entry.name.size()), hash_seed,
                   &hashed.hash, &hashed.minor);
    sorted.push_back(hashed);
  }
  std::ranges::sort(sorted, [](const Hashed& a, const Hashed& b) {
    return a.hash != b.hash     ? a.hash < b.hash
           : a.minor != b.minor ? a.minor < b.minor
                                : a.entry->name < b.entry->name;
  });
  DirectoryBlocks result = build_indexed(self, parent, sorted);
  const std::size_t most = root_limit * node_limit;
  if (result.bytes.size() / block_size > most)
    return refused(
        fmt::format("a directory of {} entries is larger than ext4's index holds", entries.size()));
  return result;
}

std::vector<std::byte> build_directory_with_room(std::uint32_t self, std::uint32_t parent,
                                                 std::size_t count) {
  std::vector<std::byte> bytes(count * block_size);
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* const block = bytes.data() + i * block_size;
    if (i > 0) {
      put_entry(block, 0, usable, {}, 0);
      put_tail(block);
      continue;
    }
    BlockFiller filler(block);
    filler.add(".", self, EXT2_FT_DIR);
    filler.add("..", parent, EXT2_FT_DIR);
    filler.finish();
  }
  return bytes;
}

}  // namespace cg::image
