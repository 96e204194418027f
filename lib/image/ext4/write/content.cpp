#include "image/ext4/write/content.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/round.h"
#include "image/bytes/host_file.h"

namespace cg::image {
namespace {

constexpr std::size_t buffer_size = 256 << 10;  // stays in the processor's cache

}  // namespace

void ContentWriter::begin(std::string name) {
  name_ = std::move(name);
  buffer_.clear();
  buffer_.reserve(buffer_size);
  buffer_offset_ = 0;
  extents_.clear();
}

Result<void> ContentWriter::store_blocks(std::uint64_t logical, std::span<const std::byte> bytes) {
  for (const Run& run : space_.allocate(bytes.size() / block_size)) {
    CG_CHECK(file_.write(run.start, bytes.first(run.count * block_size)));
    bytes = bytes.subspan(run.count * block_size);
    if (!extents_.empty() && extents_.back().physical + extents_.back().count == run.start &&
        extents_.back().logical + extents_.back().count == logical)
      extents_.back().count += run.count;
    else
      extents_.push_back({logical, run.start, run.count});
    logical += run.count;
  }
  if (!bytes.empty())
    return refused(fmt::format("{}: does not fit; the image is limited to {} bytes: give a larger --size",
                               name_, space_.most_blocks() * block_size));
  return {};
}

// Whole blocks; those of zeros stay holes.
Result<void> ContentWriter::store_data(std::uint64_t logical, std::span<const std::byte> bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (is_zero(bytes.subspan(at, block_size))) {
      at += block_size;
      continue;
    }
    std::size_t end = at + block_size;
    while (end < bytes.size() && !is_zero(bytes.subspan(end, block_size))) end += block_size;
    CG_CHECK(store_blocks(logical + at / block_size, bytes.subspan(at, end - at)));
    at = end;
  }
  return {};
}

Result<void> ContentWriter::flush() {
  buffer_.resize(round_up(buffer_.size(), block_size));
  CG_CHECK(store_data(buffer_offset_ / block_size, buffer_));
  buffer_offset_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> ContentWriter::append(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset < buffer_offset_ + buffer_.size())
    return refused(fmt::format("{}: its data goes back to offset {}", name_, offset));
  if (offset > buffer_offset_ + buffer_.size()) {
    if (offset - buffer_offset_ < buffer_size) {
      buffer_.resize(offset - buffer_offset_);
    } else {
      CG_CHECK(flush());
      buffer_offset_ = offset / block_size * block_size;
      buffer_.resize(offset - buffer_offset_);
    }
  }
  while (!bytes.empty()) {
    if (buffer_.empty() && bytes.size() >= block_size) {
      const auto whole = bytes.first(bytes.size() / block_size * block_size);
      CG_CHECK(store_data(buffer_offset_ / block_size, whole));
      buffer_offset_ += whole.size();
      bytes = bytes.subspan(whole.size());
      continue;
    }
    // Up to the next block, from where on whole blocks need not be gathered.
    const std::size_t count = std::min(bytes.size(), block_size - buffer_.size() % block_size);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (buffer_.size() % block_size == 0) CG_CHECK(flush());
  }
  return {};
}

Result<std::vector<Extent>> ContentWriter::finish() {
  CG_CHECK(flush());
  return std::move(extents_);
}

Result<std::vector<Extent>> ContentWriter::store_bytes(std::span<const std::byte> bytes,
                                                       const std::string& name) {
  begin(name);
  CG_CHECK(append(0, bytes));
  return finish();
}

Result<void> ContentWriter::store_host_file(const std::filesystem::path& path, const std::string& name,
                                            std::uint64_t size, std::vector<Extent>& extents) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return cannot_errno(path.string(), errno);
  begin(name);
  chunk_.resize(buffer_size);
  HostFileReader file(std::move(fd), path.string(), size);
  for (;;) {
    CG_TRY(piece, file.next(chunk_));
    if (piece.count == 0) break;
    CG_CHECK(append(piece.offset, std::span(chunk_).first(piece.count)));
  }
  CG_TRY(stored, finish());
  extents = std::move(stored);
  return {};
}

}  // namespace cg::image
