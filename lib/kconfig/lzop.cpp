#include "kconfig/lzop.h"

#include <fmt/format.h>
#include <zlib.h>

#include <optional>

namespace cg {
namespace {

constexpr std::size_t largest_block = 64 << 20;  // bytes; lzop's own are of 256 KiB

// Big-endian numbers off the front of a text; nothing where the text ends too early.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  std::optional<std::uint32_t> number(std::size_t size) {
    const auto raw = take(size);
    if (!raw) return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : *raw) value = (value << 8) | static_cast<unsigned char>(c);
    return value;
  }
  std::optional<std::string_view> take(std::size_t size) {
    if (size > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
};

// The flags of the header that change what follows it.
constexpr std::uint32_t adler32_unpacked = 0x1, adler32_packed = 0x2, extra_field = 0x40,
                        crc32_unpacked = 0x100, crc32_packed = 0x200, filter_word = 0x800;

// Behind the magic number. The flags, or nothing when it is cut short.
std::optional<std::uint32_t> read_header(Bytes& bytes) {
  const auto version = bytes.number(2);
  const bool newer = version.value_or(0) >= 0x0940;
  const bool known =
      bytes.take(newer ? 4 : 2) && bytes.take(newer ? 2 : 1);  // library and needed version; method, level
  const auto flags = known ? bytes.number(4) : std::nullopt;
  if (!version || !flags) return std::nullopt;
  if ((*flags & filter_word) && !bytes.take(4)) return std::nullopt;
  if (!bytes.take(newer ? 12 : 8)) return std::nullopt;  // mode and time
  const auto name_length = bytes.number(1);
  if (!name_length || !bytes.take(*name_length) || !bytes.take(4)) return std::nullopt;  // name, checksum
  if (*flags & extra_field) {
    const auto length = bytes.number(4);
    if (!length || !bytes.take(*length) || !bytes.take(4)) return std::nullopt;
  }
  return flags;
}

// The sums in front of a block's data; those that the flags name.
struct Sums {
  std::optional<std::uint32_t> adler, crc;

  bool read(Bytes& bytes, std::uint32_t flags, std::uint32_t adler_flag, std::uint32_t crc_flag) {
    if ((flags & adler_flag) && !(adler = bytes.number(4))) return false;
    return !(flags & crc_flag) || (crc = bytes.number(4));
  }
  bool fit(std::string_view data) const {
    const auto* bytes = reinterpret_cast<const Bytef*>(data.data());
    const auto size = static_cast<uInt>(data.size());
    return (!adler || adler32(1, bytes, size) == *adler) && (!crc || crc32(0, bytes, size) == *crc);
  }
};

}  // namespace

bool unpack_lzo1x(std::string_view packed, std::size_t size, std::string& unpacked) {
  unpacked.clear();
  unpacked.reserve(size);
  std::size_t at = 0;
  bool cut = false;
  const auto next = [&]() -> std::size_t {
    if (at < packed.size()) return static_cast<unsigned char>(packed[at++]);
    cut = true;
    return 0;
  };
  const auto literals = [&](std::size_t count) {
    if (count > packed.size() - at || count > size - unpacked.size()) return false;
    unpacked += packed.substr(at, count);
    at += count;
    return true;
  };
  // A length that does not fit into its bits goes on in further bytes: 255 for each zero.
  const auto length = [&](std::size_t in_bits, std::size_t most) {
    if (in_bits != 0) return in_bits;
    std::size_t sum = most;
    std::size_t byte = next();
    for (; byte == 0 && !cut && sum < size; byte = next()) sum += 255;
    return sum + byte;
  };
  // How many literals came last, which the meaning of the smallest instructions hangs on; 4 for "many".
  std::size_t state = 0;
  if (!packed.empty() && static_cast<unsigned char>(packed[0]) > 17) {
    const std::size_t first = next() - 17;
    if (!literals(first)) return false;
    state = first < 4 ? first : 4;
  }
  while (!cut) {
    const std::size_t instruction = next();
    std::size_t count = 0, distance = 0, follow = instruction & 3;
    if (instruction >= 64) {
      count = instruction >= 128 ? 5 + ((instruction >> 5) & 3) : 3 + ((instruction >> 5) & 1);
      distance = (next() << 3) + ((instruction >> 2) & 7) + 1;
    } else if (instruction >= 16) {
      const bool far = instruction < 32;
      count = 2 + (far ? length(instruction & 7, 7) : length(instruction & 31, 31));
      const std::size_t low = next();
      const std::size_t pair = low + (next() << 8);
      follow = pair & 3;
      distance = (pair >> 2) + (far ? 16384 + ((instruction & 8) << 11) : 1);
      if (far && distance == 16384) return !cut && at == packed.size() && unpacked.size() == size;
    } else if (state == 0) {
      if (!literals(3 + length(instruction, 15))) return false;
      state = 4;
      continue;
    } else {
      count = state == 4 ? 3 : 2;
      distance = (next() << 2) + (instruction >> 2) + (state == 4 ? 2049 : 1);
    }
    if (cut || distance > unpacked.size() || count > size - unpacked.size()) return false;
    for (std::size_t from = unpacked.size() - distance; count > 0; --count) unpacked += unpacked[from++];
    if (!literals(follow)) return false;
    state = follow;
  }
  return false;
}

Result<void> unlzop_stream(std::string_view bytes, const std::string& name, std::uint64_t limit,
                           const std::function<bool(std::string_view piece)>& take) {
  const auto cut = [&] { return refused(name + ": the lzop data is cut short"); };
  const auto damaged = [&] { return refused(name + ": the lzop data is damaged"); };
  Bytes rest(bytes);
  if (!rest.take(9)) return cut();
  const auto flags = read_header(rest);
  if (!flags) return cut();
  std::uint64_t total = 0;
  std::string block;
  while (true) {
    const auto size = rest.number(4);
    if (!size) return cut();
    if (*size == 0) return {};
    const auto packed_size = rest.number(4);
    if (!packed_size) return cut();
    if (*size > largest_block || *packed_size > *size) return damaged();
    Sums unpacked_sums, packed_sums;
    const bool stored = *packed_size == *size;
    if (!unpacked_sums.read(rest, *flags, adler32_unpacked, crc32_unpacked) ||
        (!stored && !packed_sums.read(rest, *flags, adler32_packed, crc32_packed)))
      return cut();
    const auto packed = rest.take(*packed_size);
    if (!packed) return cut();
    total += *size;
    if (total > limit) return refused(fmt::format("{}: unpacks to more than {} bytes", name, limit));
    if (!packed_sums.fit(*packed)) return damaged();
    if (stored)
      block = *packed;
    else if (!unpack_lzo1x(*packed, *size, block))
      return damaged();
    if (!unpacked_sums.fit(block)) return damaged();
    if (!take(block)) return {};
  }
}

}  // namespace cg
