// Initial RAM disks: a cpio archive of the "newc" kind (Linux
// Documentation/driver-api/early-userspace/buffer-format.rst), compressed or not, made of an image's files.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "image/reader.h"

namespace cg::image {

// Not xz: what libarchive writes has CRC-64, which the kernel does not decode.
enum class Compression { none, gzip, zstd, lzma };
Result<Compression> parse_compression(std::string_view text);

// Everything in the image but an empty lost+found, sorted, with inode numbers counted from 1 and no other
// trace of where or when it was made: the same files give the same bytes. The kernel starts /init: where
// there is none, a link to /sbin/init or to systemd is added, as Kata's builder does. Attributes are not in
// it; newc has no place for them.
struct InitrdSummary {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;       // before compression
  std::uint64_t attributes = 0;  // that were left out
};
Result<InitrdSummary> write_initrd(const ImageReader& image, int fd, const std::string& name,
                                   Compression compression);

}  // namespace cg::image
