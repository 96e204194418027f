// The bytes of a file of the host, piece by piece; what are holes there is skipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/file.h"

namespace cg::image {

class HostFileReader {
 public:
  // `size` bytes are read; `name` is for messages.
  HostFileReader(UniqueFd fd, std::string name, std::uint64_t size)
      : fd_(std::move(fd)), name_(std::move(name)), size_(size) {}

  struct Piece {
    std::uint64_t offset = 0;
    std::size_t count = 0;  // 0: there is no more
  };
  // As much of the next piece as `buffer` holds. Cannot: a read failed, or the file became shorter.
  Result<Piece> next(std::span<std::byte> buffer);
  bool at_end() const { return at_ == size_; }

 private:
  UniqueFd fd_;
  std::string name_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

}  // namespace cg::image
