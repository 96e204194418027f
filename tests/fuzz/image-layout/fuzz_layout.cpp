// Partition tables: a disk of each form with changes laid over it, and GPTs whose sums are right whatever
// their entries say. What is found must lie inside the file, and no two partitions may overlap.
#include <cstddef>
#include <cstdint>

#include "fuzz/image_input.h"
#include "image/bytes/overlay.h"
#include "image/disk/frame.h"
#include "image/disk/gpt.h"
#include "image/disk/mbr.h"
#include "image/formats.h"

namespace {

using namespace cg;
using namespace cg::image;
using fuzz::MemoryDevice;

constexpr std::size_t disk_bytes = 8 << 20;

// A disk with a partition that looks like ext4, and one behind it.
MemoryDevice disk_of(Scheme scheme) {
  MemoryDevice disk(disk_bytes);
  const std::uint64_t start = scheme == Scheme::dax ? 3 << 20 : 1 << 20;
  if (scheme == Scheme::gpt) {
    (void)write_gpt(
        disk,
        {{.type = gpt_type_root_x86_64, .id = {1}, .offset = start, .bytes = 4 << 20, .name = "root"},
         {.type = gpt_type_root_verity_x86_64,
          .id = {2},
          .offset = start + (4 << 20),
          .bytes = 1 << 20,
          .name = "root-verity"}},
        {3});
  } else {
    std::vector<MbrEntry> entries = {
        {.number = 1, .start = start / sector_bytes, .sectors = (2 << 20) / sector_bytes},
        {.number = 2, .start = (start + (2 << 20)) / sector_bytes, .sectors = (1 << 20) / sector_bytes}};
    (void)write_mbr(disk, 0, entries, 1);
    for (MbrEntry& entry : entries) entry.start -= dax_data_offset / sector_bytes;
    if (scheme == Scheme::dax) {
      (void)write_mbr(disk, dax_data_offset, entries, 1);
      (void)disk.write(dax_superblock_offset, std::as_bytes(std::span("NVDIMM_PFN_INFO")));
    }
  }
  const unsigned char magic[] = {0x53, 0xef};
  (void)disk.write(start + 1080, std::as_bytes(std::span(magic)));
  return disk;
}

void check(Device& disk) {
  const auto layout = read_layout(disk);
  if (!layout) {
    fuzz::require(!layout.error().message.empty(), "an error without a message");
    return;
  }
  for (const Partition& one : layout->partitions) {
    fuzz::require(one.offset <= disk.size() && one.bytes <= disk.size() - one.offset,
                  "a partition outside of the file");
    for (const Partition& other : layout->partitions)
      fuzz::require(one.number == other.number || one.offset + one.bytes <= other.offset ||
                        other.offset + other.bytes <= one.offset,
                    "partitions that overlap");
  }
  (void)frame_of(*layout);
  for (const auto wanted : {std::optional<unsigned>(), std::optional<unsigned>(2)}) {
    const auto place = find_editable(*layout, wanted, "input");
    if (!place) continue;
    fuzz::require(place->offset <= disk.size() && place->bytes <= disk.size() - place->offset,
                  "a file system outside of the file");
    (void)find_verity(disk, *layout, *place, Uuid{});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryDevice disks[] = {disk_of(Scheme::mbr), disk_of(Scheme::gpt), disk_of(Scheme::dax)};
  fuzz::Input input(data, size);
  const auto choice = input.take<std::uint8_t>();
  Overlay disk(disks[choice % 3]);
  if (choice & 0x40) {
    std::vector<GptEntry> entries;
    for (int left = choice >> 4 & 3; left >= 0; --left)
      entries.push_back({.type = gpt_type_linux,
                         .id = {1},
                         .offset = input.take<std::uint64_t>(),
                         .bytes = input.take<std::uint64_t>(),
                         .name = "x"});
    (void)write_gpt(disk, entries, {2});
  }
  // The places that are read: the first 12 KiB, those of the second table, the end.
  while (!input.empty()) {
    const auto head = input.take<std::uint32_t>();
    std::uint64_t at = head & 0x3fff;
    if (head & 0x8000) at += dax_data_offset;
    if (head & 0x4000) at = disk.size() - 1 - at;
    const std::string_view piece = input.bytes(head >> 24 & 63);
    (void)disk.put(at, std::as_bytes(std::span(piece)));
  }
  check(disk);
  if (choice & 0x80) {
    disk.resize(disk.size() + (1 << 20));
    const auto layout = read_layout(disk);
    if (!layout) return 0;
    for (const Partition& partition : layout->partitions) {
      if (layout->scheme == Scheme::gpt)
        (void)resize_gpt_entry(disk, partition.number, partition.offset, partition.bytes);
      else
        (void)resize_mbr_entry(disk, 0, partition.number, partition.offset / sector_bytes,
                               partition.bytes / sector_bytes);
    }
    check(disk);
  }
  return 0;
}
