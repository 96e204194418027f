#include "image/disk/mbr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace cg::image {
namespace {

constexpr std::size_t table_at = 446;
constexpr std::size_t signature_at = 440;

struct [[gnu::packed]] DiskEntry {
  std::uint8_t active;
  std::uint8_t first[3];  // cylinder, head, sector
  std::uint8_t type;
  std::uint8_t last[3];
  std::uint32_t start;
  std::uint32_t sectors;
};
static_assert(sizeof(DiskEntry) == 16);

// With 255 heads and 63 sectors, as partitioning tools write; what lies above cylinder 1023 has the highest
// address.
void put_address(std::uint8_t (&at)[3], std::uint64_t sector) {
  const std::uint64_t cylinder = std::min<std::uint64_t>(sector / (255 * 63), 1023);
  const bool beyond = sector / (255 * 63) > 1023;
  const std::uint64_t head = beyond ? 254 : sector / 63 % 255;
  const std::uint64_t number = beyond ? 63 : sector % 63 + 1;
  at[0] = static_cast<std::uint8_t>(head);
  at[1] = static_cast<std::uint8_t>(number | (cylinder >> 2 & 0xc0));
  at[2] = static_cast<std::uint8_t>(cylinder);
}

Result<DiskEntry> disk_entry(const MbrEntry& entry, const std::string& name) {
  if (entry.start > UINT32_MAX || entry.sectors > UINT32_MAX)
    return refused(fmt::format("{}: a partition of {} bytes does not fit an MBR, which ends at 2 TiB", name,
                               entry.sectors * sector_bytes));
  DiskEntry disk{.active = static_cast<std::uint8_t>(entry.active ? 0x80 : 0),
                 .first = {},
                 .type = entry.type,
                 .last = {},
                 .start = static_cast<std::uint32_t>(entry.start),
                 .sectors = static_cast<std::uint32_t>(entry.sectors)};
  put_address(disk.first, entry.start);
  put_address(disk.last, entry.start + std::max<std::uint64_t>(entry.sectors, 1) - 1);
  return disk;
}

}  // namespace

Result<std::optional<std::vector<MbrEntry>>> read_mbr(Device& disk, std::uint64_t offset) {
  std::array<std::byte, mbr_bytes> sector{};
  CG_CHECK(disk.read(offset, sector));
  if (sector[510] != std::byte{0x55} || sector[511] != std::byte{0xaa}) return std::nullopt;
  std::vector<MbrEntry> entries;
  for (unsigned i = 0; i < 4; ++i) {
    DiskEntry entry;
    std::memcpy(&entry, sector.data() + table_at + i * sizeof entry, sizeof entry);
    // A boot sector of a FAT file system ends in 55 AA too, and has text where the entries would be.
    if (entry.active != 0 && entry.active != 0x80) return std::nullopt;
    if (entry.type != 0 && entry.sectors != 0)
      entries.push_back({.number = i + 1,
                         .type = entry.type,
                         .active = entry.active == 0x80,
                         .start = entry.start,
                         .sectors = entry.sectors});
  }
  if (entries.empty()) return std::nullopt;
  return entries;
}

Result<void> write_mbr(Device& disk, std::uint64_t offset, const std::vector<MbrEntry>& entries,
                       std::uint32_t signature) {
  std::array<std::byte, mbr_bytes> sector{};
  std::memcpy(sector.data() + signature_at, &signature, sizeof signature);
  for (const MbrEntry& entry : entries) {
    CG_TRY(bytes, disk_entry(entry, disk.name()));
    std::memcpy(sector.data() + table_at + (entry.number - 1) * sizeof bytes, &bytes, sizeof bytes);
  }
  sector[510] = std::byte{0x55};
  sector[511] = std::byte{0xaa};
  return disk.write(offset, sector);
}

Result<void> resize_mbr_entry(Device& disk, std::uint64_t offset, unsigned number, std::uint64_t start,
                              std::uint64_t sectors) {
  std::array<std::byte, mbr_bytes> sector{};
  CG_CHECK(disk.read(offset, sector));
  DiskEntry old;
  std::byte* const at = sector.data() + table_at + (number - 1) * sizeof old;
  std::memcpy(&old, at, sizeof old);
  CG_TRY(entry, disk_entry({.number = number,
                            .type = old.type,
                            .active = old.active == 0x80,
                            .start = start,
                            .sectors = sectors},
                           disk.name()));
  std::memcpy(at, &entry, sizeof entry);
  return disk.write(offset, sector);
}

}  // namespace cg::image
