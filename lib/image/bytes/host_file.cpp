#include "image/bytes/host_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file_at.h"
#include "image/bytes/block.h"

namespace cg::image {
namespace {

constexpr std::uint64_t small_size = 256
                                     << 10;  // the holes of smaller files cost less to read than to ask for

}  // namespace

Result<HostFileReader::Piece> HostFileReader::next(std::span<std::byte> buffer) {
  while (at_ < size_) {
    if (size_ > small_size) {
      const off_t data = lseek(fd_.get(), static_cast<off_t>(at_), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;
      if (data > static_cast<off_t>(at_)) at_ = static_cast<std::uint64_t>(data) / block_size * block_size;
    }
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(size_ - at_, buffer.size()));
    const auto got = read_at(fd_.get(), buffer.first(want), at_);
    if (!got) return cannot_errno(name_, got.error());
    if (*got == 0) return cannot(name_ + ": became shorter while it was read");
    const Piece piece{at_, *got};
    at_ += piece.count;
    return piece;
  }
  at_ = size_;
  return Piece{};
}

}  // namespace cg::image
