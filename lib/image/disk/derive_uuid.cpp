// Apart from uuid.cpp so that a program that only reads images, such as the static kcheck, does not link
// libcrypto.
#include <charconv>

#include "base/sha256.h"
#include "image/disk/uuid.h"

namespace cg::image {

Uuid derive_uuid(std::string_view text) {
  const std::string hex = sha256_hex(text);
  Uuid uuid{};
  for (std::size_t i = 0; i < uuid.size(); ++i)
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, uuid[i], 16);
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

}  // namespace cg::image
