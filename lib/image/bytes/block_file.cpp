#include "image/bytes/block_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/file_at.h"

namespace cg::image {
namespace {

constexpr std::size_t gather_size =
    256 << 10;                            // bytes gathered before they are written; fits a processor's cache
constexpr std::size_t threaded_from = 8;  // so many pieces are written before a thread is worth it

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
  // Equal to itself shifted by 16 bytes, and the first 16 are zero: memcmp is the fastest scan there is.
  static constexpr std::byte zeros[16]{};
  if (bytes.size() < 16) return std::memcmp(bytes.data(), zeros, bytes.size()) == 0;
  return std::memcmp(bytes.data(), zeros, 16) == 0 &&
         std::memcmp(bytes.data(), bytes.data() + 16, bytes.size() - 16) == 0;
}

BlockFile::BlockFile(int fd, std::string name, std::uint64_t offset)
    : fd_(fd), name_(std::move(name)), offset_(offset) {
  pending_.bytes.reserve(gather_size);
}

BlockFile::~BlockFile() {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
}

Result<void> BlockFile::result_of(int error) const {
  if (error != 0) return cannot_errno("writing " + name_, error);
  return {};
}

int BlockFile::put(const Piece& piece) const {
  return write_at(fd_, piece.bytes, offset_ + piece.block * block_size);
}

// The thread. After an error it writes no more.
void BlockFile::work() {
  for (Piece piece; queue_.take(piece); piece.bytes.clear())
    if (error_ == 0) error_ = put(piece);
}

Result<void> BlockFile::hand_over() {
  if (pending_.bytes.empty()) return {};
  if (++handed_over_ == threaded_from) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {
      // No more threads here: it goes on as it began.
    }
  }
  if (!thread_.joinable()) {
    const int error = put(pending_);
    pending_.bytes.clear();
    return result_of(error);
  }
  queue_.put(pending_);
  pending_.bytes.reserve(gather_size);
  return result_of(error_);
}

Result<void> BlockFile::flush() {
  CG_CHECK(hand_over());
  if (thread_.joinable()) queue_.wait_until_done();
  return result_of(error_);
}

Result<void> BlockFile::write(std::uint64_t block, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    auto& gathered = pending_.bytes;
    if (gathered.size() == gather_size ||
        (!gathered.empty() && pending_.block + gathered.size() / block_size != block))
      CG_CHECK(hand_over());
    const auto piece = bytes.first(std::min(bytes.size(), gather_size - pending_.bytes.size()));
    if (pending_.bytes.empty()) pending_.block = block;
    pending_.bytes.insert(pending_.bytes.end(), piece.begin(), piece.end());
    block += piece.size() / block_size;
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

Result<void> BlockFile::clear(Run run) {
  CG_CHECK(flush());
  const auto at = static_cast<off_t>(offset_ + run.start * block_size);
  const auto length = static_cast<off_t>(run.count * block_size);
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) == 0) return {};
  Piece zeros;
  zeros.bytes.resize(gather_size);
  for (std::uint64_t done = 0; done < run.count;) {
    const std::uint64_t count = std::min<std::uint64_t>(run.count - done, gather_size / block_size);
    zeros.block = run.start + done;
    zeros.bytes.resize(count * block_size);
    CG_CHECK(result_of(put(zeros)));
    done += count;
  }
  return {};
}

}  // namespace cg::image
