// Archives for tests, entry by entry, as wrong as they are wanted.
#pragma once

#include <string>
#include <string_view>

#include "image/initrd/cpio.h"

namespace cg {

inline constexpr unsigned cpio_file = 0100644;
inline constexpr unsigned cpio_directory = 0040755;
inline constexpr unsigned cpio_link = 0120777;

// `header` gives what is not the usual; its size is taken from the data unless it has one.
inline std::string cpio_entry(std::string_view name, unsigned mode = cpio_file, std::string_view data = {},
                              image::CpioHeader header = {}) {
  static std::uint32_t next = 1;
  header.mode = mode;
  if (header.inode == 0) header.inode = next++;
  if (header.size == 0) header.size = static_cast<std::uint32_t>(data.size());
  std::string bytes = image::format_cpio_header(header, name);
  bytes += data;
  bytes.resize(image::cpio_padded(bytes.size()));
  return bytes;
}
inline std::string cpio_end() {
  return image::format_cpio_header({}, image::cpio_trailer);
}

}  // namespace cg
