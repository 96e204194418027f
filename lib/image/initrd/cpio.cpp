// Not by libarchive: it shows one stream of entries, and what the kernel does hangs on where each archive
// begins and ends, on padding, trailers and checksums; appending to an initrd must not touch a byte of what
// is there.
#include "image/initrd/cpio.h"

#include <fmt/format.h>

namespace cg::image {

Result<CpioHeader> parse_cpio_header(std::string_view bytes) {
  if (bytes.starts_with("070707"))
    return refused(
        "a cpio of the old portable kind, which the kernel does not unpack (make it with -H newc)");
  if (!bytes.starts_with("070701") && !bytes.starts_with("070702"))
    return refused("a cpio entry without its magic number");
  if (bytes.size() < cpio_header_bytes) return refused("a cpio entry that is cut short");
  CpioHeader header{.with_sum = bytes[5] == '2'};
  std::size_t at = 6;
  for (std::uint32_t* const field :
       {&header.inode, &header.mode, &header.uid, &header.gid, &header.links, &header.mtime, &header.size,
        &header.major, &header.minor, &header.device_major, &header.device_minor, &header.name_bytes,
        &header.sum}) {
    *field = 0;
    for (const std::size_t end = at + 8; at < end; ++at) {
      const char digit = bytes[at];
      const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                        : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                        : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                       : -1;
      if (value < 0) return refused("a cpio entry whose header is no row of hexadecimal numbers");
      *field = *field << 4 | static_cast<std::uint32_t>(value);
    }
  }
  return header;
}

std::string format_cpio_header(const CpioHeader& header, std::string_view name) {
  std::string bytes =
      fmt::format("{}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{}",
                  header.with_sum ? "070702" : "070701", header.inode, header.mode, header.uid, header.gid,
                  header.links, header.mtime, header.size, header.major, header.minor, header.device_major,
                  header.device_minor, name.size() + 1, header.sum, name);
  bytes.resize(cpio_padded(bytes.size() + 1));
  return bytes;
}

}  // namespace cg::image
