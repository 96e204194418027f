// Disks: partition tables whose numbers contradict each other, the file system in a partition, both tables of
// a GPT with checksums that hold.
#include <zlib.h>

#include <cstring>

#include "image/support/disks.h"
#include "image/support/image_case.h"
#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
namespace {

template <typename T>
void put(std::string& bytes, std::size_t at, T value) {
  if (at + sizeof value <= bytes.size()) std::memcpy(bytes.data() + at, &value, sizeof value);
}
template <typename T>
T get(const std::string& bytes, std::size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
std::uint32_t crc(const std::string& bytes, std::size_t at, std::size_t count) {
  if (at > bytes.size()) return 0;
  count = std::min(count, bytes.size() - at);
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data() + at), static_cast<uInt>(count)));
}

void twist_mbr(Lot& lot, std::string& bytes, std::size_t sector) {
  const std::uint64_t times = 1 + lot.below(3);
  for (std::uint64_t i = 0; i < times; ++i) {
    const std::size_t entry = sector + 446 + 16 * lot.below(4);
    bytes[entry + 4] = static_cast<char>(lot.of({0x83, 0x05, 0x0f, 0x85, 0xee, 0x00, 0xef, 0x8e}));
    const std::uint32_t sectors = static_cast<std::uint32_t>(bytes.size() / 512);
    put(bytes, entry + 8,
        lot.of({std::uint32_t{0}, std::uint32_t{1}, std::uint32_t{63}, std::uint32_t{2048}, sectors - 1,
                sectors, static_cast<std::uint32_t>(lot.odd_number())}));
    put(bytes, entry + 12,
        lot.of({std::uint32_t{0}, std::uint32_t{1}, sectors - 2048, sectors, ~std::uint32_t{0},
                static_cast<std::uint32_t>(lot.odd_number())}));
  }
}

// An extended partition whose tables name each other in a ring, or without end.
void add_ring(Lot& lot, std::string& bytes) {
  const std::uint32_t start = 1000;
  bytes[446 + 48 + 4] = 5;
  put(bytes, 446 + 48 + 8, start);
  put(bytes, 446 + 48 + 12, std::uint32_t{20'000});
  const std::uint32_t count = static_cast<std::uint32_t>(1 + lot.below(900));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = std::size_t{start + i} * 512;
    if (at + 512 > bytes.size()) return;
    bytes.replace(at, 512, std::string(512, '\0'));
    bytes[at + 446 + 4] = static_cast<char>(0x83);
    put(bytes, at + 446 + 8, static_cast<std::uint32_t>(1 + lot.below(2000)));
    put(bytes, at + 446 + 12, static_cast<std::uint32_t>(lot.below(3000)));
    bytes[at + 462 + 4] = 5;
    put(bytes, at + 462 + 8, i + 1 < count ? i + 1 : std::uint32_t{0});
    put(bytes, at + 462 + 12, std::uint32_t{1});
    bytes[at + 510] = 0x55;
    bytes[at + 511] = static_cast<char>(0xaa);
  }
}

void twist_gpt(Lot& lot, std::string& bytes) {
  const std::size_t last = bytes.size() / 512 * 512 - 512;
  for (const std::size_t at : {std::size_t{512}, last}) {
    if (lot.one_in(3)) continue;
    switch (lot.below(8)) {
      case 0:
        put(bytes, at + 12, static_cast<std::uint32_t>(lot.odd_number()));
        break;  // of the header
      case 1:
        put(bytes, at + 24, lot.odd_number());
        break;  // itself
      case 2:
        put(bytes, at + 32, lot.odd_number());
        break;  // the other
      case 3:
        put(bytes, at + 40 + 8 * lot.below(2), lot.odd_number());
        break;  // first, last
      case 4:
        put(bytes, at + 72, lot.odd_number());
        break;  // entries
      case 5:
        put(bytes, at + 80, static_cast<std::uint32_t>(lot.odd_number()));
        break;  // how many
      case 6:
        put(bytes, at + 84, static_cast<std::uint32_t>(lot.odd_number()));
        break;  // how large
      default: {
        const std::size_t entry = get<std::uint64_t>(bytes, at + 72) * 512 + 128 * lot.below(4);
        if (entry > bytes.size()) break;
        put(bytes, entry, lot.next());
        put(bytes, entry + 32, lot.of({std::uint64_t{2048}, std::uint64_t{0}, lot.odd_number()}));
        put(bytes, entry + 40, lot.of({std::uint64_t{4096}, bytes.size() / 512 - 1, lot.odd_number()}));
      }
    }
    const std::uint64_t entries = get<std::uint64_t>(bytes, at + 72);
    const std::uint64_t count =
        std::uint64_t{get<std::uint32_t>(bytes, at + 80)} * get<std::uint32_t>(bytes, at + 84);
    if (entries < bytes.size() / 512) put(bytes, at + 88, crc(bytes, entries * 512, count));
    put(bytes, at + 16, std::uint32_t{0});
    put(bytes, at + 16, crc(bytes, at, std::min<std::uint32_t>(get<std::uint32_t>(bytes, at + 12), 512)));
  }
}

}  // namespace

Input random_disk(Lot& lot, const fs::path& into) {
  const fs::path raw = into / "raw";
  const fs::path disk = into / "disk.img";
  write_tree(lot, into / "tree");
  const bool is_erofs = lot.one_in(4);
  if (is_erofs)
    made_by({"mkfs.erofs", "--quiet", "-T1700000000", raw.string(), (into / "tree").string()});
  else
    made_by({"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-d", (into / "tree").string(), raw.string(),
             "8M"});
  fs::remove_all(into / "tree");
  const auto scheme =
      lot.of({image::Scheme::mbr, image::Scheme::gpt, image::Scheme::gpt, image::Scheme::dax});
  wrap_in_disk(raw, disk, scheme);
  fs::remove(raw);
  std::string bytes = read(disk);
  const std::uint64_t twists = 1 + lot.below(3);
  for (std::uint64_t i = 0; i < twists; ++i) {
    switch (lot.below(7)) {
      case 0:
        add_ring(lot, bytes);
        break;
      case 1:
        bytes.replace(lot.below(2048), 4, lot.bytes(4));
        break;
      case 2:
        bytes.resize(lot.of({bytes.size() - 512, bytes.size() + 512, bytes.size() + 77, bytes.size() / 2,
                             std::size_t{512}, std::size_t{600}}));
        break;
      case 3:
        twist_mbr(lot, bytes, scheme == image::Scheme::dax && lot.one_in(2) ? 2 << 20 : 0);
        break;
      default:
        if (scheme == image::Scheme::gpt)
          twist_gpt(lot, bytes);
        else
          twist_mbr(lot, bytes, 0);
    }
    if (bytes.size() < 4096) break;
  }
  write(disk, bytes);
  return {disk, Use::image};
}

}  // namespace cg::random_input
