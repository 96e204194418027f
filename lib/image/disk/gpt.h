// GUID partition tables (UEFI specification, chapter 5): a header in the second sector, entries behind it,
// and a copy of both at the disk's end; each with a CRC-32.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/bytes/device.h"
#include "image/disk/layout.h"
#include "image/disk/uuid.h"

namespace cg::image {

// Types of the Discoverable Partitions Specification.
inline constexpr std::string_view gpt_type_linux = "0fc63daf-8483-4772-8e79-3d69d8477de4";
inline constexpr std::string_view gpt_type_root_x86_64 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";
inline constexpr std::string_view gpt_type_root_verity_x86_64 = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5";

struct Gpt {
  std::vector<Partition> partitions;
  std::vector<std::string> faults;  // one of the two tables is damaged or missing
};
Result<Gpt> read_gpt(Device& disk);

struct GptEntry {
  std::string_view type;
  Uuid id;
  std::uint64_t offset;  // bytes, whole sectors
  std::uint64_t bytes;
  std::string_view name;  // ASCII
};
// Writes protective MBR, table and copy. The copy takes the disk's last 33 sectors.
Result<void> write_gpt(Device& disk, const std::vector<GptEntry>& entries, const Uuid& disk_id);
inline constexpr std::uint64_t gpt_tail_bytes = 33 * 512;

// The disk has become longer: the copy moves to its new end, and the entry `number` gets another place
// (bytes). Everything else of the table stays.
Result<void> resize_gpt_entry(Device& disk, unsigned number, std::uint64_t offset, std::uint64_t bytes);

}  // namespace cg::image
