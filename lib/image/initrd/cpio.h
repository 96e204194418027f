// The "newc" cpio archive that the kernel unpacks as its first root file system (Linux
// Documentation/driver-api/early-userspace/buffer-format.rst): an entry is a header of 110 characters, a name
// and data, each padded to a multiple of 4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::image {

struct CpioHeader {
  std::uint32_t inode = 0;
  std::uint32_t mode = 0;  // with the bits that say the type
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 1;
  std::uint32_t mtime = 0;
  std::uint32_t size = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t name_bytes = 0;  // with the NUL
  std::uint32_t sum = 0;         // of the data's bytes, where there is one
  bool with_sum = false;         // magic 070702
};

inline constexpr std::size_t cpio_header_bytes = 110;
inline constexpr std::uint32_t cpio_most_name =
    4096;  // PATH_MAX: the kernel leaves out what has a longer one
inline constexpr std::string_view cpio_trailer = "TRAILER!!!";

inline std::uint64_t cpio_padded(std::uint64_t bytes) {
  return (bytes + 3) & ~std::uint64_t{3};
}

// Refused: no magic, or a field that is no number. The message has no place in it.
Result<CpioHeader> parse_cpio_header(std::string_view bytes);
// Header, name and padding; `header.name_bytes` is taken from the name.
std::string format_cpio_header(const CpioHeader& header, std::string_view name);

}  // namespace cg::image
