// The inodes of a new file system as bytes, and the blocks (directories, extent trees, attributes, long link
// targets, journal) that hang on them. Built before the file system's size is known; checksums, which need
// its UUID, are set when all is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/ext4/write/space.h"
#include "image/tree/tree.h"

namespace cg::image {

inline constexpr std::uint32_t root_inode = 2;
inline constexpr std::uint32_t journal_inode = 8;
inline constexpr std::uint32_t lost_and_found_inode = 11;

enum class BlockKind { plain, directory, extents, xattrs };

struct AttachedBlocks {
  std::uint64_t physical;
  std::vector<std::byte> bytes;  // one or more blocks
  std::uint32_t owner;           // inode number
  BlockKind kind;
};

class InodeTable {
 public:
  InodeTable(Space& space, std::optional<std::int64_t> newest_time, const std::uint32_t hash_seed[4])
      : space_(space), newest_time_(newest_time), hash_seed_(hash_seed) {}

  // Gives every inode of the tree its number and lays all of them out.
  Result<void> lay_out(Tree& tree);
  Result<void> add_journal(std::uint64_t blocks, std::int64_t time);

  std::uint32_t used() const { return next_number_ - 1; }  // inodes 1 … used() are taken
  const std::vector<std::uint32_t>& directories() const { return directories_; }  // their numbers
  std::vector<std::byte>& bytes() { return bytes_; }  // inode n at (n - 1) * inode_size
  std::vector<AttachedBlocks>& blocks() { return blocks_; }
  std::uint64_t journal_start() const { return journal_start_; }
  std::uint64_t files() const { return files_; }
  std::uint64_t data_bytes() const { return data_bytes_; }

 private:
  Result<void> lay_out_inode(const Tree& tree, const std::string& path, const Inode& inode);
  Result<std::vector<Extent>> attach(std::vector<std::byte> bytes, std::uint32_t owner, BlockKind kind,
                                     const std::string& path);
  Result<void> put_extents(std::byte* inode, std::uint32_t number, const std::vector<Extent>& extents,
                           const std::string& path);
  Result<void> put_xattrs(std::byte* inode, std::uint32_t number, const std::vector<Xattr>& xattrs,
                          const std::string& path);
  std::byte* inode_at(std::uint32_t number) { return bytes_.data() + (number - 1) * std::size_t{256}; }
  Error no_room(const std::string& path) const;

  Space& space_;
  std::optional<std::int64_t> newest_time_;
  const std::uint32_t* hash_seed_;
  std::uint32_t next_number_ = lost_and_found_inode + 1;
  std::vector<std::byte> bytes_;
  std::vector<AttachedBlocks> blocks_;
  std::vector<std::uint32_t> directories_;
  std::uint64_t journal_start_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace cg::image
