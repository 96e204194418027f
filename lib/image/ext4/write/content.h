// Moves a file's bytes into the image as they come, in order of their offset, and remembers where they went.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "image/bytes/block_file.h"
#include "image/ext4/write/space.h"
#include "image/tree/tree.h"

namespace cg::image {

class ContentWriter {
 public:
  ContentWriter(Space& space, BlockFile& file) : space_(space), file_(file) {}

  // `name` is for messages. begin, append…, finish; offsets never go back, what is skipped is a hole.
  void begin(std::string name);
  Result<void> append(std::uint64_t offset, std::span<const std::byte> bytes);
  Result<std::vector<Extent>> finish();

  Result<void> store_host_file(const std::filesystem::path& path, const std::string& name, std::uint64_t size,
                               std::vector<Extent>& extents);
  Result<std::vector<Extent>> store_bytes(std::span<const std::byte> bytes, const std::string& name);

 private:
  Result<void> flush();
  Result<void> store_data(std::uint64_t logical, std::span<const std::byte> bytes);
  Result<void> store_blocks(std::uint64_t logical, std::span<const std::byte> bytes);

  Space& space_;
  BlockFile& file_;
  std::string name_;
  std::uint64_t buffer_offset_ = 0;  // of buffer_'s first byte in the file; a multiple of block_size
  std::vector<std::byte> buffer_;
  std::vector<std::byte> chunk_;  // what was read of a host file
  std::vector<Extent> extents_;
};

}  // namespace cg::image
