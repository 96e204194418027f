// The partition table of a master boot record: four entries in the first sector, and 55 AA at its end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "image/bytes/device.h"

namespace cg::image {

inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr std::uint64_t mbr_bytes = 512;
inline constexpr std::uint8_t mbr_type_linux = 0x83;
inline constexpr std::uint8_t mbr_type_gpt = 0xee;

struct MbrEntry {
  unsigned number = 1;
  std::uint8_t type = mbr_type_linux;
  bool active = false;
  std::uint64_t start = 0;  // sectors, from the place of the record
  std::uint64_t sectors = 0;
};

// The entries in use of the record at `offset`; nullopt when there is no record. Extended partitions are
// listed, not looked into.
Result<std::optional<std::vector<MbrEntry>>> read_mbr(Device& disk, std::uint64_t offset);
// Writes a record: boot code of zeros, `signature` as the disk's number.
Result<void> write_mbr(Device& disk, std::uint64_t offset, const std::vector<MbrEntry>& entries,
                       std::uint32_t signature);
// Gives one entry another length and leaves all else of the record.
Result<void> resize_mbr_entry(Device& disk, std::uint64_t offset, unsigned number, std::uint64_t start,
                              std::uint64_t sectors);

}  // namespace cg::image
