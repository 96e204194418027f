// A bzImage as scripts/Makefile.lib of the kernel builds it, around a payload that is compressed already.
#pragma once

#include <cstdint>
#include <string>

namespace cg {

inline std::string little_endian_text(std::uint64_t value, int bytes) {
  std::string text;
  for (; bytes > 0; --bytes, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}

// One sector of boot code, one of setup with the release in it, and 64 bytes of unpacker.
inline std::string boot_image(std::string payload, const std::string& release) {
  if (!payload.starts_with("\x1f\x8b")) payload += little_endian_text(30'000'000, 4);
  std::string image(1024, '\0');
  image[0x1f1] = 1;
  image.replace(0x202, 4, "HdrS");
  image.replace(0x206, 2, little_endian_text(0x20f, 2));
  image.replace(0x20e, 2, little_endian_text(0x100, 2));  // from 0x200
  image.replace(0x300, release.size(), release);
  image.replace(0x248, 4, little_endian_text(64, 4));
  image.replace(0x24c, 4, little_endian_text(payload.size(), 4));
  return image + std::string(64, 'c') + payload;
}

}  // namespace cg
