// The image file as blocks: neighbouring writes are gathered into large ones, blocks of zeros are never written
// (a fresh file reads as zeros there, and stays sparse).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/space.h"

namespace cg::image {

class BlockFile {
 public:
  // `fd` stays the caller's. Block 0 of the file system lies `offset` bytes into the file.
  BlockFile(int fd, std::string name, std::uint64_t offset = 0);

  // Whole blocks; `bytes.size()` is a multiple of block_size.
  Result<void> write(std::uint64_t block, std::span<const std::byte> bytes);
  Result<void> flush();
  // Makes the run read as zeros again.
  Result<void> clear(Run run);

 private:
  Result<void> put(std::uint64_t block, std::span<const std::byte> bytes);

  int fd_;
  std::string name_;
  std::uint64_t offset_;
  std::uint64_t pending_block_ = 0;
  std::vector<std::byte> pending_;
};

bool is_zero(std::span<const std::byte> bytes);

}  // namespace cg::image
