// Changes laid over a device: an edit works on them as if they were written, and only when it is complete do
// they go into a file. So "no room" is known before the first write, and a failed edit needs no undoing.
// Bytes are held in memory, what comes from host files as a reference to them.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "image/bytes/device.h"

namespace cg::image {

class Overlay final : public Device {
 public:
  static constexpr std::uint64_t unit = 4096;  // what is changed is held in pieces of this size

  explicit Overlay(Device& base) : base_(base), size_(base.size()) {}

  std::uint64_t size() const override { return size_; }
  int get(std::uint64_t offset, std::span<std::byte> into) override;
  int put(std::uint64_t offset, std::span<const std::byte> bytes) override;
  const std::string& name() const override { return base_.name(); }

  // Not below the base's size; what is new reads as zeros.
  void resize(std::uint64_t size) { size_ = size; }
  // `count` bytes of the open file `fd` from `from` on belong at `offset`. The file must stay open and as it
  // is.
  Result<void> put_file(std::uint64_t offset, std::uint64_t count, int fd, std::uint64_t from);
  Result<void> put_zeros(std::uint64_t offset, std::uint64_t count);

  // What was changed, in order of its place: whole units (the last may be cut by the device's end),
  // neighbours gathered, at most `most` bytes at once.
  Result<void> visit(
      std::size_t most,
      const std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> bytes)>& visitor);
  // The changed ranges, merged.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges() const;
  bool empty() const { return units_.empty() && parts_.empty(); }

 private:
  struct Part {  // whole units
    std::uint64_t count;
    int fd;  // -1: zeros
    std::uint64_t from;
  };
  // Puts a part in, over what was there.
  void place(std::uint64_t offset, Part part);

  Device& base_;
  std::uint64_t size_;
  std::map<std::uint64_t, std::vector<std::byte>> units_;  // by offset; they lie over the parts
  std::map<std::uint64_t, Part> parts_;                    // by offset; do not overlap
};

}  // namespace cg::image
