// What lies around a file system in an image file: nothing, a partition table, a Kata DAX header, a dm-verity
// hash partition behind it; and how large file and partitions become for a file system of some size.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "image/bytes/device.h"
#include "image/disk/layout.h"
#include "image/disk/uuid.h"
#include "image/disk/verity.h"

namespace cg::image {

// raw: nothing. mbr: as small as it can be, as Kata's extension images are. kata, kata_dax: as Kata's builder
// makes root images.
enum class FrameKind { raw, mbr, kata, kata_dax, gpt };

struct Frame {
  FrameKind kind = FrameKind::raw;
  bool verity = false;  // a dm-verity tree in a partition of its own; raw has none

  std::uint64_t offset() const;  // of the file system in the file
  // Bytes of the file system's partition in a file of `total` bytes; 0: too small.
  std::uint64_t inside(std::uint64_t total) const;
  // The smallest file that has `bytes` for the file system, of a length that the frame wants.
  std::uint64_t around(std::uint64_t bytes) const;
  std::uint64_t verity_offset(std::uint64_t total) const;
};

// Writes all but the file system, which must be complete: tables, headers, hash tree. `id` names disk and
// partitions, and is what the tree's salt is derived from.
Result<std::optional<VerityTree>> write_frame(const Frame& frame, Device& disk, const Uuid& id);

// The partition behind a file system that holds, or may hold, its dm-verity tree.
struct VerityPartition {
  Partition partition;
  // certain: made by write_verity_tree() for the file system as it is, or marked as such by a GPT. likely:
  // lies where Kata puts one, whose salt is not on the disk.
  enum class Evidence { certain, likely } evidence = Evidence::likely;
};
Result<std::optional<VerityPartition>> find_verity(Device& disk, const DiskLayout& layout, const Place& place,
                                                   const Uuid& file_system);

// The frame of an existing disk with this layout, when it is one that write_frame() can write.
std::optional<Frame> frame_of(const DiskLayout& layout);

}  // namespace cg::image
