// The image file as blocks: neighbouring writes are gathered into large ones, blocks of zeros are never
// written (a fresh file reads as zeros there, and stays sparse). Once there is much to write a thread does
// it, while the caller reads and decodes what comes next.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/io/bounded_queue.h"
#include "base/result.h"
#include "image/bytes/block.h"

namespace cg::image {

class BlockFile {
 public:
  // `fd` stays the caller's. Block 0 of the file system lies `offset` bytes into the file.
  BlockFile(int fd, std::string name, std::uint64_t offset = 0);
  ~BlockFile();  // what was not flushed is lost
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  // Whole blocks; `bytes.size()` is a multiple of block_size. An error may be that of an earlier write.
  Result<void> write(std::uint64_t block, std::span<const std::byte> bytes);
  // Everything is in the file when it returns.
  Result<void> flush();
  // Makes the run read as zeros again.
  Result<void> clear(Run run);

 private:
  struct Piece {
    std::uint64_t block = 0;
    std::vector<std::byte> bytes;
  };
  Result<void> hand_over();
  Result<void> result_of(int error) const;
  int put(const Piece& piece) const;  // 0 or an errno value
  void work();

  int fd_;
  std::string name_;
  std::uint64_t offset_;
  Piece pending_;
  std::size_t handed_over_ = 0;

  std::thread thread_;
  BoundedQueue<Piece> queue_{8};
  std::atomic<int> error_ = 0;  // of the thread
};

bool is_zero(std::span<const std::byte> bytes);

}  // namespace cg::image
