// Members of a tar, byte by byte, for what no program would write.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace cg {

// A ustar header; a size over 8 GiB is written in base 256.
inline std::string header(const std::string& name, std::uint64_t size, char type = '0') {
  std::string bytes(512, '\0');
  bytes.replace(0, name.size(), name);
  bytes.replace(100, 8, std::string("0000644\0", 8));
  bytes.replace(108, 16, std::string("0000000\0000000000\0", 16));
  if (size < 1ULL << 33) {
    char digits[13];
    std::snprintf(digits, sizeof digits, "%011llo", static_cast<unsigned long long>(size));
    bytes.replace(124, 12, std::string(digits, 12));
  } else {
    bytes[124] = static_cast<char>(0x80);
    for (int i = 0; i < 8; ++i) bytes[static_cast<std::size_t>(135 - i)] = static_cast<char>(size >> (8 * i));
  }
  bytes.replace(136, 12, std::string("14524770400\0", 12));
  bytes[156] = type;
  bytes.replace(257, 8, std::string("ustar\00000", 8));
  unsigned sum = 8 * ' ';
  for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  char field[9];
  std::snprintf(field, sizeof field, "%06o", sum);
  bytes.replace(148, 8, std::string(field, 6) + std::string("\0 ", 2));
  return bytes;
}

// A record of a pax header.
inline std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

inline std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

}  // namespace cg
