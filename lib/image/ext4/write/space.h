// Which blocks of a file system that is being written are taken. Allocation goes upwards and never turns
// back, so that what is written in one go lies in one run; it steps over the places where ext4 keeps
// superblock copies and group descriptors.
//
// The size of the file system need not be known: bitmaps and inode tables may lie anywhere (flex_bg), so they
// are placed last. Only the descriptor area after each superblock copy is reserved beforehand, large enough
// for `most_blocks`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "image/bytes/block.h"

namespace cg::image {

inline constexpr std::uint32_t blocks_per_group = 8 * block_size;

class Space {
 public:
  explicit Space(std::uint64_t most_blocks);

  // Runs that together have `count` blocks; empty when there is no room.
  std::vector<Run> allocate(std::uint64_t count);
  // One run, or nothing.
  std::optional<Run> allocate_contiguous(std::uint64_t count);
  void release(Run run);

  std::uint64_t end() const { return next_; }               // no block from here on is taken
  std::uint64_t used() const { return used_; }              // blocks handed out and not released
  const std::vector<Run>& taken() const { return taken_; }  // handed out, in order, merged
  const std::vector<Run>& released() const { return released_; }
  std::uint64_t most_blocks() const { return most_blocks_; }

 private:
  // Moves next_ to the first block at or above it that is not reserved; returns how many free ones follow.
  std::uint64_t free_ahead();
  void take(Run run);

  std::uint64_t most_blocks_;
  std::uint64_t descriptor_blocks_;
  std::uint64_t next_ = 0;
  std::uint64_t used_ = 0;
  std::vector<Run> taken_;
  std::vector<Run> released_;
};

// Whether `group` begins with a superblock copy (sparse_super: 0, 1 and the powers of 3, 5 and 7).
bool has_superblock(std::uint64_t group);

}  // namespace cg::image
