// EROFS of mkfs.erofs with options drawn by lot: superblock and inodes changed field by field, directories
// and maps byte by byte.
#include <cstring>
#include <vector>

#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t super_at = 1024;

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

void twist_super(Lot& lot, std::string& bytes) {
  switch (lot.below(10)) {
    case 0:
      put(bytes, super_at + 4, static_cast<std::uint32_t>(lot.next()));
      break;  // checksum
    case 1:
      bytes[super_at + 12] = static_cast<char>(lot.below(20));
      break;  // block size
    case 2:
      put(bytes, super_at + 14, static_cast<std::uint16_t>(lot.odd_number()));
      break;  // root
    case 3:
      put(bytes, super_at + 16, lot.odd_number());
      break;  // inodes
    case 4:
      put(bytes, super_at + 36, static_cast<std::uint32_t>(lot.odd_number()));
      break;  // blocks
    case 5:
      put(bytes, super_at + 40, static_cast<std::uint32_t>(lot.odd_number()));
      break;  // where inodes begin
    case 6:
      put(bytes, super_at + 44, static_cast<std::uint32_t>(lot.odd_number()));
      break;  // shared attributes
    case 7:
      put(bytes, super_at + 80, static_cast<std::uint32_t>(lot.odd_number()));
      break;  // features
    case 8:
      put(bytes, super_at + 84, static_cast<std::uint16_t>(lot.odd_number()));
      break;  // algorithms
    default:
      put(bytes, super_at + 86, static_cast<std::uint16_t>(lot.odd_number()));  // devices
  }
}

// Slots of 32 bytes that look like an inode: format below 16 and a mode that is one.
std::vector<std::size_t> inodes_in(const std::string& bytes) {
  std::vector<std::size_t> found;
  const std::size_t start = std::size_t{get<std::uint32_t>(bytes, super_at + 40)} << 12;
  for (std::size_t at = start; at + 64 <= bytes.size() && at < start + (1 << 20); at += 32) {
    const auto format = get<std::uint16_t>(bytes, at);
    const auto type = get<std::uint16_t>(bytes, at + 4) & 0170000;
    if (format < 16 && (type == 0040000 || type == 0100000 || type == 0120000 || type == 0010000))
      found.push_back(at);
  }
  return found;
}

void twist_inode(Lot& lot, std::string& bytes, std::size_t at) {
  const bool is_extended = bytes[at] & 1;
  switch (lot.below(8)) {
    case 0:
      put(bytes, at, static_cast<std::uint16_t>(lot.below(16)));
      break;  // layout
    case 1:
      put(bytes, at + 2, static_cast<std::uint16_t>(lot.odd_number()));
      break;  // attributes
    case 2:
      put(bytes, at + 4,
          lot.of({std::uint16_t{0040755}, std::uint16_t{0100644}, std::uint16_t{0120777}, std::uint16_t{0}}));
      break;
    case 3:
      if (is_extended)
        put(bytes, at + 8, lot.odd_number());
      else
        put(bytes, at + 8, static_cast<std::uint32_t>(lot.odd_number()));
      break;
    case 4:
      put(bytes, at + 16,
          static_cast<std::uint32_t>(lot.below(lot.of<std::uint64_t>({200, 100'000, 4'000'000'000}))));
      break;  // where, or chunks
    case 5:
      put(bytes, at + 44, static_cast<std::uint32_t>(lot.odd_number()));
      break;  // names
    case 6:
      bytes.replace(at + 64, std::min<std::size_t>(32, bytes.size() - at - 64),
                    lot.bytes(std::min<std::size_t>(32, bytes.size() - at - 64)));
      break;
    default:
      bytes[at + lot.below(64)] = static_cast<char>(lot.next());
  }
}

}  // namespace

Input random_erofs(Lot& lot, const fs::path& into) {
  const fs::path image = into / "image.erofs";
  write_tree(lot, into / "tree");
  std::vector<std::string> words = {"mkfs.erofs", "--quiet", "-T1700000000"};
  switch (lot.below(5)) {
    case 0:
      words.emplace_back("-zlz4");
      break;
    case 1:
      words.insert(words.end(), {"-zlz4hc,12", "-C65536"});
      break;
    case 2:
      words.insert(words.end(), {"-zlz4hc", "-Eztailpacking"});
      break;
    case 3:
      words.emplace_back("--chunksize=4096");
      break;
    default:
      break;
  }
  if (lot.one_in(3)) words.emplace_back("-Elegacy-compress");
  if (lot.one_in(3)) words.emplace_back("-x1");
  words.insert(words.end(), {image.string(), (into / "tree").string()});
  made_by(words);
  fs::remove_all(into / "tree");
  std::string bytes = read(image);
  const auto inodes = inodes_in(bytes);
  const std::uint64_t twists = 1 + lot.below(4);
  for (std::uint64_t i = 0; i < twists; ++i) {
    if (lot.one_in(6)) twist_super(lot, bytes);
    if (!inodes.empty()) twist_inode(lot, bytes, lot.of(inodes));
    if (lot.one_in(4)) {
      const std::size_t at = lot.below(bytes.size() - 64);
      bytes.replace(at, 8, lot.bytes(8));
    }
  }
  if (lot.one_in(10)) bytes.resize(lot.below(bytes.size()));
  write(image, bytes);
  return {image, Use::image};
}

}  // namespace cg::random_input
