#include "compress/lzop.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string>

namespace cg {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view magic = "\x89LZO\0\r\n\x1a\n"sv;
constexpr std::size_t largest_block = 64 << 20;  // bytes; lzop's own are of 256 KiB
constexpr std::size_t largest_extra = 1 << 20;   // bytes of the header's extra field, which lzop never writes

// Big-endian numbers and texts off the front of a text. Once it ends too early all else is empty.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const char c : take(size)) value = (value << 8) | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view take(std::size_t size) {
    if (missing_ > 0) return {};
    if (size > rest_.size()) {
      missing_ = size - rest_.size();
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  // How many more bytes the first of the items that were not there needs; 0: all were there.
  std::size_t missing() const { return missing_; }

 private:
  std::string_view rest_;
  std::size_t missing_ = 0;
};

// The flags of the header that change what follows it.
constexpr std::uint32_t adler32_unpacked = 0x1, adler32_packed = 0x2, extra_field = 0x40,
                        crc32_unpacked = 0x100, crc32_packed = 0x200, filter_word = 0x800;

// The sums in front of a block's data; those that the flags name.
struct Sums {
  std::optional<std::uint32_t> adler, crc;

  Sums(Bytes& bytes, bool with_adler, bool with_crc) {
    if (with_adler) adler = bytes.number(4);
    if (with_crc) crc = bytes.number(4);
  }
  bool fit(std::string_view data) const {
    const auto* bytes = reinterpret_cast<const Bytef*>(data.data());
    const auto size = static_cast<uInt>(data.size());
    return (!adler || adler32(1, bytes, size) == *adler) && (!crc || crc32(0, bytes, size) == *crc);
  }
};

std::unexpected<Error> damaged() {
  return refused("the lzop data is damaged");
}

// One block of LZO1X (Documentation/staging/lzo.rst) that unpacks to exactly `size` bytes. False: damaged.
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

// Holds what it has taken until the header or a block is complete, and takes no byte more than that.
class Lzop final : public Decoder {
 public:
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    Step step;
    for (;;) {
      const std::size_t count = std::min(block_.size() - given_, out.size() - step.made);
      std::ranges::copy(std::as_bytes(std::span(block_)).subspan(given_, count),
                        out.begin() + static_cast<std::ptrdiff_t>(step.made));
      given_ += count;
      step.made += count;
      step.done = ended_;
      if (ended_ || step.made == out.size()) return step;
      Bytes bytes(held_);
      CG_CHECK(flags_ ? read_block(bytes) : read_header(bytes));
      if (bytes.missing() == 0) {
        held_.clear();
        continue;
      }
      const auto more = in.subspan(step.taken, std::min(in.size() - step.taken, bytes.missing()));
      if (more.empty() && rest == Rest::follows) return step;
      if (more.empty()) return refused("the lzop data is cut short");
      held_.append(reinterpret_cast<const char*>(more.data()), more.size());
      step.taken += more.size();
    }
  }

 private:
  Result<void> read_header(Bytes& bytes) {
    const auto mark = bytes.take(magic.size());
    const bool newer = bytes.number(2) >= 0x0940;
    bytes.take(newer ? 4 : 2);  // library and needed version
    bytes.take(newer ? 2 : 1);  // method, level
    const std::uint32_t flags = bytes.number(4);
    if (flags & filter_word) bytes.take(4);
    bytes.take(newer ? 12 : 8);   // mode and time
    bytes.take(bytes.number(1));  // name
    bytes.take(4);                // checksum
    if (flags & extra_field) {
      const std::size_t size = bytes.number(4);
      if (size > largest_extra) return damaged();
      bytes.take(size);
      bytes.take(4);
    }
    if (bytes.missing() > 0) return {};
    if (mark != magic) return damaged();
    flags_ = flags;
    return {};
  }

  Result<void> read_block(Bytes& bytes) {
    const std::size_t size = bytes.number(4);
    if (bytes.missing() > 0) return {};
    if (size == 0) {
      ended_ = true;
      return {};
    }
    const std::size_t packed_size = bytes.number(4);
    if (size > largest_block || packed_size > size) return damaged();
    const bool stored = packed_size == size;
    const Sums unpacked_sums(bytes, *flags_ & adler32_unpacked, *flags_ & crc32_unpacked);
    const Sums packed_sums(bytes, !stored && (*flags_ & adler32_packed), !stored && (*flags_ & crc32_packed));
    const auto packed = bytes.take(packed_size);
    if (bytes.missing() > 0) return {};
    if (!packed_sums.fit(packed)) return damaged();
    if (stored)
      block_ = packed;
    else if (!unpack_lzo1x(packed, size, block_))
      return damaged();
    if (!unpacked_sums.fit(block_)) return damaged();
    given_ = 0;
    return {};
  }

  std::string held_;                    // of the header or of the block that comes next
  std::optional<std::uint32_t> flags_;  // of the header, once it is read
  std::string block_;                   // unpacked
  std::size_t given_ = 0;               // of block_
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_lzop_decoder() {
  return std::make_unique<Lzop>();
}

}  // namespace cg
