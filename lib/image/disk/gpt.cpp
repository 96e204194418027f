// Not by libfdisk: it wants a file to write to, and tables are changed here in memory first, also the second
// one that a DAX image has 2 MiB into the file. Debian has no libfdisk.a either, which the static kcheck
// would link.
#include "image/disk/gpt.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "image/disk/mbr.h"

namespace cg::image {
namespace {

constexpr std::uint64_t header_bytes = 92;
constexpr std::uint64_t entry_bytes = 128;
constexpr std::uint64_t entry_count = 128;
constexpr std::uint64_t most_table_bytes = 1 << 20;

struct [[gnu::packed]] Header {
  char signature[8];  // "EFI PART"
  std::uint32_t revision;
  std::uint32_t size;
  std::uint32_t checksum;  // of the header, with this field zero
  std::uint32_t reserved;
  std::uint64_t self;
  std::uint64_t other;
  std::uint64_t first_usable;
  std::uint64_t last_usable;
  std::uint8_t disk[16];
  std::uint64_t table;
  std::uint32_t entries;
  std::uint32_t entry_size;
  std::uint32_t table_checksum;
};
static_assert(sizeof(Header) == header_bytes);

struct [[gnu::packed]] Entry {
  std::uint8_t type[16];
  std::uint8_t id[16];
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t attributes;
  char16_t name[36];
};
static_assert(sizeof(Entry) == entry_bytes);

std::uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// On disk the first three fields of a GUID are little-endian.
Uuid swapped(Uuid id) {
  std::reverse(id.begin(), id.begin() + 4);
  std::reverse(id.begin() + 4, id.begin() + 6);
  std::reverse(id.begin() + 6, id.begin() + 8);
  return id;
}

struct Table {
  Header header;
  std::vector<std::byte> entries;
};

// nullopt: none there, or damaged.
Result<std::optional<Table>> read_table(Device& disk, std::uint64_t sector) {
  Table table{};
  if (sector > disk.size() / sector_bytes || disk.size() - sector * sector_bytes < sector_bytes)
    return std::nullopt;
  CG_CHECK(disk.read(sector * sector_bytes, std::as_writable_bytes(std::span(&table.header, 1))));
  Header plain = table.header;
  plain.checksum = 0;
  const std::uint64_t size = std::uint64_t{plain.entries} * plain.entry_size;
  if (std::memcmp(plain.signature, "EFI PART", 8) != 0 || plain.size != header_bytes ||
      checksum(bytes_of(plain)) != table.header.checksum)
    return std::nullopt;
  if (plain.entry_size < entry_bytes || size > most_table_bytes || plain.table > disk.size() / sector_bytes ||
      size > disk.size() - plain.table * sector_bytes)
    return std::nullopt;
  table.entries.resize(size);
  CG_CHECK(disk.read(plain.table * sector_bytes, table.entries));
  if (checksum(table.entries) != plain.table_checksum) return std::nullopt;
  return table;
}

Result<void> write_table(Device& disk, Header header, std::vector<std::byte> entries) {
  header.table_checksum = checksum(entries);
  header.checksum = 0;
  header.checksum = checksum(bytes_of(header));
  CG_CHECK(disk.write(header.table * sector_bytes, entries));
  std::vector<std::byte> sector(sector_bytes);
  std::memcpy(sector.data(), &header, sizeof header);
  return disk.write(header.self * sector_bytes, sector);
}

Result<void> write_both(Device& disk, Header header, const std::vector<std::byte>& entries) {
  const std::uint64_t sectors = disk.size() / sector_bytes;
  const std::uint64_t table_sectors = (entries.size() + sector_bytes - 1) / sector_bytes;
  header.last_usable = sectors - table_sectors - 2;
  header.self = 1;
  header.other = sectors - 1;
  CG_CHECK(write_table(disk, header, entries));
  header.self = sectors - 1;
  header.other = 1;
  header.table = sectors - 1 - table_sectors;
  return write_table(disk, header, entries);
}

// Of the protective partition: all of the disk behind the first sector.
std::uint64_t protected_sectors(Device& disk) {
  return std::min<std::uint64_t>(disk.size() / sector_bytes - 1, UINT32_MAX);
}

Partition partition_of(const std::byte* at, unsigned number) {
  Entry entry;
  std::memcpy(&entry, at, sizeof entry);
  Uuid type{};
  std::memcpy(type.data(), entry.type, type.size());
  Partition partition{.number = number,
                      .offset = entry.first * sector_bytes,
                      .bytes = (entry.last - entry.first + 1) * sector_bytes,
                      .type = to_string(swapped(type)),
                      .name = {}};
  for (std::size_t i = 0; i < 36; ++i) {
    const char16_t letter = entry.name[i];
    if (letter == 0) break;
    partition.name += letter >= 0x20 && letter < 0x7f ? static_cast<char>(letter) : '?';
  }
  return partition;
}

}  // namespace

Result<Gpt> read_gpt(Device& disk) {
  CG_TRY(primary, read_table(disk, 1));
  CG_TRY(backup, read_table(disk, primary ? primary->header.other : disk.size() / sector_bytes - 1));
  if (!primary && !backup)
    return refused(
        disk.name() +
        ": its GPT and the copy at the end are both damaged (4096-byte sectors are not supported)");
  Gpt gpt;
  if (!primary) gpt.faults.push_back("the GPT at the disk's start is damaged; the copy at its end is used");
  if (!backup) gpt.faults.push_back("the GPT's copy at the disk's end is missing or damaged");
  const Table& table = primary ? *primary : *backup;
  for (std::uint32_t i = 0; i < table.header.entries; ++i) {
    const std::byte* const at = table.entries.data() + std::size_t{i} * table.header.entry_size;
    Entry entry;
    std::memcpy(&entry, at, sizeof entry);
    if (std::ranges::all_of(entry.type, [](std::uint8_t byte) { return byte == 0; })) continue;
    if (entry.last < entry.first || entry.last >= disk.size() / sector_bytes)
      return refused(fmt::format(
          "{}: partition {} reaches past the file's end; the file was cut short, or its GPT is damaged",
          disk.name(), i + 1));
    gpt.partitions.push_back(partition_of(at, i + 1));
  }
  return gpt;
}

Result<void> write_gpt(Device& disk, const std::vector<GptEntry>& entries, const Uuid& disk_id) {
  std::vector<std::byte> table(entry_count * entry_bytes);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const GptEntry& wanted = entries[i];
    Entry entry{};
    CG_TRY(type, parse_uuid(wanted.type));
    std::memcpy(entry.type, swapped(type).data(), sizeof entry.type);
    std::memcpy(entry.id, swapped(wanted.id).data(), sizeof entry.id);
    entry.first = wanted.offset / sector_bytes;
    entry.last = (wanted.offset + wanted.bytes) / sector_bytes - 1;
    for (std::size_t letter = 0; letter < std::min<std::size_t>(wanted.name.size(), 36); ++letter)
      entry.name[letter] = static_cast<char16_t>(wanted.name[letter]);
    std::memcpy(table.data() + i * entry_bytes, &entry, sizeof entry);
  }
  Header header{.signature = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'},
                .revision = 0x10000,
                .size = header_bytes,
                .checksum = 0,
                .reserved = 0,
                .self = 1,
                .other = 0,
                .first_usable = 34,
                .last_usable = 0,
                .disk = {},
                .table = 2,
                .entries = entry_count,
                .entry_size = entry_bytes,
                .table_checksum = 0};
  std::memcpy(header.disk, swapped(disk_id).data(), sizeof header.disk);
  CG_CHECK(write_both(disk, header, table));
  return write_mbr(disk, 0,
                   {{.number = 1, .type = mbr_type_gpt, .start = 1, .sectors = protected_sectors(disk)}}, 0);
}

Result<void> resize_gpt_entry(Device& disk, unsigned number, std::uint64_t offset, std::uint64_t bytes) {
  CG_TRY(table, read_table(disk, 1));
  if (!table || number == 0 || number > table->header.entries)
    return refused(disk.name() +
                   ": the GPT at the disk's start is damaged; repair it first (sgdisk or fdisk do)");
  std::byte* const at = table->entries.data() + std::size_t{number - 1} * table->header.entry_size;
  Entry entry;
  std::memcpy(&entry, at, sizeof entry);
  entry.first = offset / sector_bytes;
  entry.last = entry.first + bytes / sector_bytes - 1;
  std::memcpy(at, &entry, sizeof entry);
  CG_CHECK(write_both(disk, table->header, table->entries));
  // Boot code and the disk's number are not ours, and where there are other entries (a hybrid table) none is.
  CG_TRY(record, read_mbr(disk, 0));
  if (!record || record->size() != 1 || record->front().type != mbr_type_gpt) return {};
  return resize_mbr_entry(disk, 0, record->front().number, record->front().start, protected_sectors(disk));
}

}  // namespace cg::image
