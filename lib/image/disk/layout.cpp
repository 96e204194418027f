#include "image/disk/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "compress/codec.h"
#include "image/disk/gpt.h"
#include "image/disk/mbr.h"

namespace cg::image {
namespace {

Result<void> check_partitions(const DiskLayout& layout, const std::string& name) {
  for (const Partition& one : layout.partitions) {
    if (one.offset > layout.bytes || one.bytes > layout.bytes - one.offset)
      return refused(
          fmt::format("{}: partition {} ({} bytes at {}) reaches past the file's end at {}; the file was cut "
                      "short, or its {} "
                      "partition table is damaged",
                      name, one.number, one.bytes, one.offset, layout.bytes, to_string(layout.scheme)));
    for (const Partition& other : layout.partitions)
      if (other.number > one.number && one.offset < other.offset + other.bytes &&
          other.offset < one.offset + one.bytes)
        return refused(fmt::format("{}: partitions {} and {} overlap; its {} partition table is damaged",
                                   name, one.number, other.number, to_string(layout.scheme)));
  }
  return {};
}

}  // namespace

std::string_view to_string(Scheme scheme) {
  switch (scheme) {
    case Scheme::raw:
      return "raw";
    case Scheme::mbr:
      return "MBR";
    case Scheme::gpt:
      return "GPT";
    case Scheme::dax:
      return "DAX";
  }
  return "?";
}

std::string_view to_string(ContentKind content) {
  switch (content) {
    case ContentKind::unknown:
      return "unknown";
    case ContentKind::ext:
      return "ext4";
    case ContentKind::erofs:
      return "erofs";
    case ContentKind::squashfs:
      return "squashfs";
    case ContentKind::xfs:
      return "xfs";
    case ContentKind::btrfs:
      return "btrfs";
    case ContentKind::initrd:
      return "initrd";
    case ContentKind::verity:
      return "verity";
  }
  return "?";
}

Result<ContentKind> probe_content(Device& disk, std::uint64_t offset) {
  struct Mark {
    std::uint64_t at;
    std::string_view magic;
    ContentKind kind;
  };
  static constexpr Mark marks[] = {
      {1080, "\x53\xef", ContentKind::ext},    {1024, "\xe2\xe1\xf5\xe0", ContentKind::erofs},
      {0, "hsqs", ContentKind::squashfs},      {0, "XFSB", ContentKind::xfs},
      {65600, "_BHRfS_M", ContentKind::btrfs}, {0, "verity", ContentKind::verity}};
  // First, because bytes of a compressed archive may look like anything further in.
  std::array<std::byte, codec_mark_bytes> front{};
  if (offset == 0 && disk.size() >= front.size()) {
    CG_CHECK(disk.read(0, front));
    const std::string_view text(reinterpret_cast<const char*>(front.data()), front.size());
    if (text.starts_with("0707") || codec_of(text)) return ContentKind::initrd;
  }
  for (const Mark& mark : marks) {
    std::array<std::byte, 16> found{};
    const std::uint64_t at = offset + mark.at;
    if (at > disk.size() || mark.magic.size() > disk.size() - at) continue;
    CG_CHECK(disk.read(at, std::span(found).first(mark.magic.size())));
    if (std::memcmp(found.data(), mark.magic.data(), mark.magic.size()) == 0) return mark.kind;
  }
  return ContentKind::unknown;
}

namespace {

// More than the magic number, which two bytes of boot code behind a partition table may be as well.
Result<bool> looks_whole(Device& disk, ContentKind content) {
  if (content != ContentKind::ext) return true;
  struct {
    std::uint32_t inodes, blocks, more[4], log_block_size;
  } super{};
  CG_CHECK(disk.read(1024, std::as_writable_bytes(std::span(&super, 1))));
  return super.inodes > 0 && super.blocks > 0 && super.log_block_size <= 6;
}

Result<DiskLayout> read_partitions(Device& disk, const std::vector<MbrEntry>& table) {
  DiskLayout layout{.bytes = disk.size()};
  const bool protective =
      std::ranges::any_of(table, [](const MbrEntry& entry) { return entry.type == mbr_type_gpt; });
  if (protective) {
    layout.scheme = Scheme::gpt;
    CG_TRY(gpt, read_gpt(disk));
    layout.partitions = std::move(gpt.partitions);
    layout.faults = std::move(gpt.faults);
  } else {
    std::array<std::byte, 16> signature{};
    if (disk.size() >= dax_data_offset + mbr_bytes) CG_CHECK(disk.read(dax_superblock_offset, signature));
    const bool dax = std::memcmp(signature.data(), "NVDIMM_PFN_INFO", 16) == 0;
    layout.scheme = dax ? Scheme::dax : Scheme::mbr;
    for (const MbrEntry& entry : table)
      layout.partitions.push_back({.number = entry.number,
                                   .offset = entry.start * sector_bytes,
                                   .bytes = entry.sectors * sector_bytes,
                                   .type = fmt::format("{:02x}", entry.type),
                                   .name = {}});
    if (dax) {
      // What a guest sees through pmem must be what it sees through virtio-blk.
      CG_TRY(inner, read_mbr(disk, dax_data_offset));
      const auto same = [](const MbrEntry& outside, const MbrEntry& inside) {
        return outside.start == inside.start + dax_data_offset / sector_bytes &&
               outside.sectors == inside.sectors && outside.type == inside.type;
      };
      if (!inner)
        layout.faults.push_back("the partition table at 2 MiB, which a guest sees through pmem, is missing");
      else if (!std::ranges::equal(table, *inner, same))
        layout.faults.push_back(
            "the partition tables at 0 and at 2 MiB, of virtio-blk and of pmem, do not agree");
    }
  }
  CG_CHECK(check_partitions(layout, disk.name()));
  for (Partition& partition : layout.partitions) {
    CG_TRY(content, probe_content(disk, partition.offset));
    partition.content = content;
  }
  return layout;
}

}  // namespace

// All signatures together: a disk that was one file system and got a partition table keeps the old
// superblock, which lies in the gap before the first partition. Which of the two is meant, only the user can
// say.
Result<DiskLayout> read_layout(Device& disk) {
  CG_TRY(whole, probe_content(disk, 0));
  const DiskLayout raw{.bytes = disk.size(), .content = whole};
  if (whole == ContentKind::initrd || disk.size() < mbr_bytes) return raw;
  CG_TRY(table, read_mbr(disk, 0));
  if (!table) return raw;
  auto partitioned = read_partitions(disk, *table);
  if (whole == ContentKind::unknown) return partitioned;
  if (!partitioned)
    return partitioned.error().kind == ErrorKind::refused ? Result<DiskLayout>(raw) : partitioned;
  CG_TRY(both, looks_whole(disk, whole));
  if (both) partitioned->content = whole;
  return partitioned;
}

}  // namespace cg::image
