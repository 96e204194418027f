#include "image/block_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cg::image {
namespace {

constexpr std::size_t gather_size = 256 << 10;   // bytes gathered before they are written
constexpr std::size_t direct_size = 64 << 10;   // from this size on copying costs more than a call

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
  // Equal to itself shifted by 16 bytes, and the first 16 are zero: memcmp is the fastest scan there is.
  static constexpr std::byte zeros[16]{};
  if (bytes.size() < 16) return std::memcmp(bytes.data(), zeros, bytes.size()) == 0;
  return std::memcmp(bytes.data(), zeros, 16) == 0 &&
         std::memcmp(bytes.data(), bytes.data() + 16, bytes.size() - 16) == 0;
}

BlockFile::BlockFile(int fd, std::string name, std::uint64_t offset) : fd_(fd), name_(std::move(name)), offset_(offset) {
  pending_.reserve(gather_size);
}

Result<void> BlockFile::put(std::uint64_t block, std::span<const std::byte> bytes) {
  auto at = static_cast<off_t>(offset_ + block * block_size);
  while (!bytes.empty()) {
    const ssize_t put = pwrite(fd_, bytes.data(), bytes.size(), at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot_errno("writing " + name_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    at += put;
  }
  return {};
}

Result<void> BlockFile::flush() {
  if (pending_.empty()) return {};
  auto result = put(pending_block_, pending_);
  pending_.clear();
  return result;
}

Result<void> BlockFile::write(std::uint64_t block, std::span<const std::byte> bytes) {
  if (pending_.size() + bytes.size() > gather_size ||
      (!pending_.empty() && pending_block_ + pending_.size() / block_size != block))
    CG_CHECK(flush());
  if (bytes.size() >= direct_size) return put(block, bytes);
  if (pending_.empty()) pending_block_ = block;
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  return {};
}

Result<void> BlockFile::clear(Run run) {
  CG_CHECK(flush());
  const auto at = static_cast<off_t>(offset_ + run.start * block_size);
  const auto length = static_cast<off_t>(run.count * block_size);
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) == 0) return {};
  const std::vector<std::byte> zeros(gather_size);
  for (std::uint64_t done = 0; done < run.count;) {
    const std::uint64_t count = std::min<std::uint64_t>(run.count - done, gather_size / block_size);
    CG_CHECK(put(run.start + done, std::span(zeros).first(count * block_size)));
    done += count;
  }
  return {};
}

}  // namespace cg::image
