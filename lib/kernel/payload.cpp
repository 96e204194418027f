#include "kernel/payload.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "compress/codec.h"

namespace cg {
namespace {

template <class T>
T little_endian(std::string_view bytes, std::size_t at) {
  T value = 0;
  if (at + sizeof(T) > bytes.size()) return 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>((value << 8) | static_cast<unsigned char>(bytes[at + i]));
  return value;
}

std::optional<std::string_view> part(std::string_view bytes, std::size_t at, std::size_t length) {
  return at < bytes.size() ? std::optional(bytes.substr(at, length)) : std::nullopt;
}

}  // namespace

// setup_sects, then the protected-mode code with the payload inside. The build appends the unpacked size, 4
// bytes, to all but gzip, which ends with it anyway.
std::optional<std::string_view> bzimage_payload(std::string_view bytes) {
  if (little_endian<std::uint16_t>(bytes, 0x206) < 0x208) return std::nullopt;
  std::size_t sectors = little_endian<std::uint8_t>(bytes, 0x1f1);
  if (sectors == 0) sectors = 4;
  auto payload = part(bytes, (sectors + 1) * 512 + little_endian<std::uint32_t>(bytes, 0x248),
                      little_endian<std::uint32_t>(bytes, 0x24c));
  if (payload && payload->size() >= 4 && codec_of(*payload) != Codec::gzip) payload->remove_suffix(4);
  return payload;
}

std::optional<std::string_view> zboot_payload(std::string_view bytes) {
  return part(bytes, little_endian<std::uint32_t>(bytes, 8), little_endian<std::uint32_t>(bytes, 12));
}

// kernel_version: an offset from 0x200.
std::string_view bzimage_release(std::string_view bytes) {
  const std::size_t at = little_endian<std::uint16_t>(bytes, 0x20e);
  if (at == 0) return "";
  const std::string_view rest = bytes.substr(std::min(0x200 + at, bytes.size()), 128);
  return rest.substr(0, rest.find_first_of(std::string_view(" \0\n", 3)));
}

}  // namespace cg
