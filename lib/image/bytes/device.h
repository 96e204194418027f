// Bytes at offsets: an image file, a window of one (a partition), or changes that are laid over one
// (overlay.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace cg::image {

class Device {
 public:
  virtual ~Device() = default;
  virtual std::uint64_t size() const = 0;
  // 0 or an errno value. What lies behind the end is EIO to read and ENOSPC to write.
  virtual int get(std::uint64_t offset, std::span<std::byte> into) = 0;
  virtual int put(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual const std::string& name() const = 0;

  Result<void> read(std::uint64_t offset, std::span<std::byte> into);
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes);
};

// A file; `fd` stays the caller's. Writing past its end makes it longer, up to `most_bytes`.
class FileDevice final : public Device {
 public:
  enum class PastEnd { error, zeros };  // what reading there gives
  FileDevice(int fd, std::string name, std::uint64_t most_bytes, PastEnd past_end = PastEnd::error)
      : fd_(fd), name_(std::move(name)), size_(most_bytes), past_end_(past_end) {}
  // As large as the file is now.
  static Result<FileDevice> of(int fd, std::string name);

  std::uint64_t size() const override { return size_; }
  int get(std::uint64_t offset, std::span<std::byte> into) override;
  int put(std::uint64_t offset, std::span<const std::byte> bytes) override;
  const std::string& name() const override { return name_; }

 private:
  int fd_;
  std::string name_;
  std::uint64_t size_;
  PastEnd past_end_;
};

// `size` bytes of `base` from `offset` on.
class Window final : public Device {
 public:
  Window(Device& base, std::uint64_t offset, std::uint64_t size)
      : base_(&base), offset_(offset), size_(size) {}
  std::uint64_t size() const override { return size_; }
  int get(std::uint64_t offset, std::span<std::byte> into) override;
  int put(std::uint64_t offset, std::span<const std::byte> bytes) override;
  const std::string& name() const override { return base_->name(); }

 private:
  Device* base_;
  std::uint64_t offset_;
  std::uint64_t size_;
};

}  // namespace cg::image
