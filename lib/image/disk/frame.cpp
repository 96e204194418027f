// Kata's layouts: osbuilder puts the partition at 1 MiB and makes the file a multiple of 128 MiB; a hash
// partition starts at 99 % of it. With a DAX header all of that moves up by 2 MiB: the kernel's pmem driver
// hides them and shows the second partition table, a guest without pmem sees the first.
#include "image/disk/frame.h"

#include <array>
#include <cstring>

#include "base/round.h"
#include "image/disk/gpt.h"
#include "image/disk/mbr.h"
#include "image/disk/steps.h"

namespace cg::image {
namespace {

// The superblock of an NVDIMM "pfn" device as Kata images carry it (layout: Linux drivers/nvdimm/pfn.h).
struct [[gnu::packed]] PfnSuperblock {
  char signature[16] = {'N', 'V', 'D', 'I', 'M', 'M', '_', 'P', 'F', 'N', '_', 'I', 'N', 'F', 'O', 0};
  std::uint8_t uuid[16] = {};
  std::uint8_t parent[16] = {};
  std::uint32_t flags = 0;
  std::uint16_t version_major = 0;
  std::uint16_t version_minor = 2;
  std::uint64_t data_offset = dax_data_offset;
  std::uint64_t pages = 0;
  std::uint32_t mode = 1;  // the page structures are in RAM
  std::uint32_t start_pad = 0;
  std::uint32_t end_trunc = 0;
  std::uint32_t align = dax_data_offset;
  std::uint8_t padding[4000] = {};
  std::uint64_t checksum = 0;
};
static_assert(sizeof(PfnSuperblock) == 4096);

// Fletcher's sum over 32-bit words, with the field itself zero.
std::uint64_t fletcher64(std::span<const std::byte> bytes) {
  std::uint32_t low = 0;
  std::uint64_t high = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, 4);
    low += word;
    high += low;
  }
  return high << 32 | low;
}

}  // namespace

std::uint64_t Frame::offset() const {
  return kind == FrameKind::raw ? 0 : kind == FrameKind::kata_dax ? dax_data_offset + megabyte : megabyte;
}

std::uint64_t Frame::verity_offset(std::uint64_t total) const {
  const std::uint64_t end = total - (kind == FrameKind::gpt ? std::min(total, megabyte) : 0);
  return end / megabyte * 99 / 100 * megabyte;
}

std::uint64_t Frame::inside(std::uint64_t total) const {
  const std::uint64_t tail = kind == FrameKind::gpt ? megabyte : 0;
  const std::uint64_t end = verity ? verity_offset(total) : total - std::min(total, tail);
  return end > offset() ? end - offset() : 0;
}

std::uint64_t Frame::around(std::uint64_t bytes) const {
  if (kind == FrameKind::raw) return bytes;
  const std::uint64_t step = kind == FrameKind::gpt || kind == FrameKind::mbr ? megabyte : kata_step;
  std::uint64_t total = round_up(offset() + bytes, step);
  const auto fits = [&] {
    if (inside(total) < bytes) return false;
    const std::uint64_t end = total - (kind == FrameKind::gpt ? megabyte : 0);
    return !verity || end - std::min(end, verity_offset(total)) >=
                          verity_tree_blocks(inside(total) / verity_block) * verity_block;
  };
  while (!fits()) total += step;
  return total;
}

Result<std::optional<VerityTree>> write_frame(const Frame& frame, Device& disk, const Uuid& id) {
  if (frame.kind == FrameKind::raw) return std::nullopt;
  const std::uint64_t total = disk.size();
  const std::uint64_t start = frame.offset();
  const std::uint64_t bytes = frame.inside(total);
  const std::uint64_t hash_start = frame.verity_offset(total);
  const std::uint64_t hash_bytes = total - (frame.kind == FrameKind::gpt ? megabyte : 0) - hash_start;
  std::uint32_t number = 0;
  std::memcpy(&number, id.data(), sizeof number);
  if (frame.kind == FrameKind::gpt) {
    const auto part_id = [&](std::string_view what) {
      return derive_uuid(to_string(id) + " " + std::string(what));
    };
    std::vector<GptEntry> entries = {{.type = frame.verity ? gpt_type_root_x86_64 : gpt_type_linux,
                                      .id = part_id("root"),
                                      .offset = start,
                                      .bytes = bytes,
                                      .name = "root"}};
    if (frame.verity)
      entries.push_back({.type = gpt_type_root_verity_x86_64,
                         .id = part_id("verity"),
                         .offset = hash_start,
                         .bytes = hash_bytes,
                         .name = "root-verity"});
    CG_CHECK(write_gpt(disk, entries, part_id("disk")));
  } else {
    const auto put_table = [&](std::uint64_t base) {
      std::vector<MbrEntry> entries = {{.number = 1,
                                        .active = frame.verity,
                                        .start = (start - base) / sector_bytes,
                                        .sectors = bytes / sector_bytes}};
      if (frame.verity)
        entries.push_back(
            {.number = 2, .start = (hash_start - base) / sector_bytes, .sectors = hash_bytes / sector_bytes});
      return write_mbr(disk, base, entries, number);
    };
    CG_CHECK(put_table(0));
    if (frame.kind == FrameKind::kata_dax) {
      CG_CHECK(put_table(dax_data_offset));
      PfnSuperblock super;
      super.checksum = fletcher64(std::as_bytes(std::span(&super, 1)));
      CG_CHECK(disk.write(dax_superblock_offset, std::as_bytes(std::span(&super, 1))));
    }
  }
  if (!frame.verity) return std::nullopt;
  Window data(disk, start, bytes);
  Window hash(disk, hash_start, hash_bytes);
  CG_TRY(tree, write_verity_tree(data, hash, verity_salt(id)));
  return tree;
}

Result<std::optional<VerityPartition>> find_verity(Device& disk, const DiskLayout& layout, const Place& place,
                                                   const Uuid& file_system) {
  using Evidence = VerityPartition::Evidence;
  for (const Partition& partition : layout.partitions) {
    if (partition.number != place.partition + 1 || partition.offset != place.offset + place.bytes ||
        partition.content != ContentKind::unknown)
      continue;
    if (partition.type == gpt_type_root_verity_x86_64) return VerityPartition{partition, Evidence::certain};
    Window data(disk, place.offset, place.bytes);
    Window hash(disk, partition.offset, partition.bytes);
    CG_TRY(made_here, begins_verity_tree(data, hash, verity_salt(file_system)));
    if (made_here) return VerityPartition{partition, Evidence::certain};
    if (frame_of(layout)) return VerityPartition{partition, Evidence::likely};
  }
  return std::nullopt;
}

std::optional<Frame> frame_of(const DiskLayout& layout) {
  Frame frame;
  switch (layout.scheme) {
    case Scheme::raw:
      return frame;
    case Scheme::mbr:
      frame.kind = FrameKind::kata;
      break;
    case Scheme::dax:
      frame.kind = FrameKind::kata_dax;
      break;
    case Scheme::gpt:
      frame.kind = FrameKind::gpt;
      break;
  }
  if (layout.partitions.empty() || layout.partitions.size() > 2) return std::nullopt;
  frame.verity = layout.partitions.size() == 2;
  const Partition& root = layout.partitions[0];
  const bool same = root.offset == frame.offset() && root.bytes == frame.inside(layout.bytes) &&
                    (!frame.verity || layout.partitions[1].offset == frame.verity_offset(layout.bytes));
  return same ? std::optional(frame) : std::nullopt;
}

}  // namespace cg::image
