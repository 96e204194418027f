// Where in an image file the file system lies: the whole file, a partition of an MBR or a GPT, or the
// partition of a Kata DAX image (two MBRs and an NVDIMM superblock in front).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/bytes/device.h"

namespace cg::image {

enum class Scheme { raw, mbr, gpt, dax };
std::string_view to_string(Scheme scheme);  // "raw", "MBR", …

enum class ContentKind { unknown, ext, erofs, squashfs, xfs, btrfs, initrd, verity };
std::string_view to_string(ContentKind content);

struct Partition {
  unsigned number = 0;       // from 1
  std::uint64_t offset = 0;  // bytes from the file's start
  std::uint64_t bytes = 0;
  std::string type;  // "83", or a GUID
  std::string name;  // GPT only
  ContentKind content = ContentKind::unknown;
};

struct DiskLayout {
  Scheme scheme = Scheme::raw;
  std::uint64_t bytes = 0;                     // of the file
  std::vector<Partition> partitions;           // without empty entries, by number
  ContentKind content = ContentKind::unknown;  // of the whole file, whether or not there are any
  std::vector<std::string> faults;             // what is wrong, but does not hide the partitions
};

// Refused when there is a partition table that makes no sense: entries that overlap or lie outside, checksums
// that are wrong in both tables of a GPT.
Result<DiskLayout> read_layout(Device& disk);

// What the bytes at `offset` look like.
Result<ContentKind> probe_content(Device& disk, std::uint64_t offset);

// Part of a file that holds a file system, or the whole file.
struct Place {
  unsigned partition = 0;  // 0: the whole file
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  ContentKind content = ContentKind::ext;
};
// The Kata DAX header: the kernel reads the superblock at 4 KiB, and takes what follows 2 MiB as the disk.
inline constexpr std::uint64_t dax_superblock_offset = 4096;
inline constexpr std::uint64_t dax_data_offset = 2 << 20;

}  // namespace cg::image
