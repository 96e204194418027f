#include "image/bytes/device.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/file_at.h"

namespace cg::image {
namespace {

bool inside(std::uint64_t offset, std::size_t count, std::uint64_t size) {
  return offset <= size && count <= size - offset;
}

}  // namespace

Result<void> Device::read(std::uint64_t offset, std::span<std::byte> into) {
  if (const int error = get(offset, into))
    return cannot_errno(fmt::format("reading {} at {}", name(), offset), error);
  return {};
}

Result<void> Device::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (const int error = put(offset, bytes)) return cannot_errno("writing " + name(), error);
  return {};
}

Result<FileDevice> FileDevice::of(int fd, std::string name) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return cannot_errno(name, errno);
  return FileDevice(fd, std::move(name), static_cast<std::uint64_t>(info.st_size));
}

int FileDevice::get(std::uint64_t offset, std::span<std::byte> into) {
  if (!inside(offset, into.size(), size_)) return EIO;
  const auto got = read_at(fd_, into, offset);
  if (!got) return got.error();
  if (*got < into.size() && past_end_ == PastEnd::error) return EIO;
  std::ranges::fill(into.subspan(*got), std::byte{});
  return 0;
}

int FileDevice::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  return inside(offset, bytes.size(), size_) ? write_at(fd_, bytes, offset) : ENOSPC;
}

int Window::get(std::uint64_t offset, std::span<std::byte> into) {
  return inside(offset, into.size(), size_) ? base_->get(offset_ + offset, into) : EIO;
}

int Window::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  return inside(offset, bytes.size(), size_) ? base_->put(offset_ + offset, bytes) : ENOSPC;
}

}  // namespace cg::image
