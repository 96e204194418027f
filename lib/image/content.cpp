#include "image/content.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"

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

Result<void> ContentWriter::flush() {
  buffer_.resize((buffer_.size() + block_size - 1) / block_size * block_size);
  const std::span<const std::byte> bytes(buffer_);
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (is_zero(bytes.subspan(at, block_size))) {
      at += block_size;
      continue;
    }
    std::size_t end = at + block_size;
    while (end < bytes.size() && !is_zero(bytes.subspan(end, block_size))) end += block_size;
    CG_CHECK(store_blocks((buffer_offset_ + at) / block_size, bytes.subspan(at, end - at)));
    at = end;
  }
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
    const std::size_t count = std::min(bytes.size(), buffer_size - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (buffer_.size() == buffer_size) CG_CHECK(flush());
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
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return cannot_errno(path.string(), errno);
  begin(name);
  chunk_.resize(buffer_size);
  std::uint64_t at = 0;
  while (at < size) {
    // Holes of a large file are skipped unread; in a small one they cost less than asking.
    if (size > buffer_size) {
      const off_t data = lseek(fd.get(), static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;
      if (data > static_cast<off_t>(at)) at = static_cast<std::uint64_t>(data) / block_size * block_size;
    }
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, chunk_.size()));
    const ssize_t got = pread(fd.get(), chunk_.data(), want, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_errno(path.string(), errno);
    if (got == 0) return cannot(path.string() + ": became shorter while it was read");
    CG_CHECK(append(at, std::span(chunk_).first(static_cast<std::size_t>(got))));
    at += static_cast<std::uint64_t>(got);
  }
  CG_TRY(stored, finish());
  extents = std::move(stored);
  return {};
}

}  // namespace cg::image
