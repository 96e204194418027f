#include "image/sources/not_a_tar.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/file_at.h"
#include "base/limits.h"

namespace cg::image {
namespace {

constexpr std::uint64_t most_empty_tar = 64 * limits::kibibyte;  // GNU tar writes 10 KiB

std::string begin_of(int fd, std::size_t most) {
  std::string bytes(most, '\0');
  const auto got = read_at(fd, std::as_writable_bytes(std::span(bytes)), 0);
  bytes.resize(got ? *got : 0);
  return bytes;
}

}  // namespace

std::string_view kind_of_file(std::string_view begin) {
  struct Sign {
    std::size_t at;
    std::string_view bytes;
    std::string_view kind;
  };
  using namespace std::string_view_literals;
  static constexpr Sign signs[] = {
      {257, "ustar"sv, "a tar"},
      {1080, "\x53\xef"sv, "an ext2/3/4 file system"},
      {1024, "\xe2\xe1\xf5\xe0"sv, "an EROFS file system"},
      {512, "EFI PART"sv, "a disk with partitions"},
      {0, "hsqs"sv, "a squashfs file system"},
      {0, "QFI\xfb"sv, "a QCOW2 disk"},
      {0, "07070"sv, "a cpio archive"},
      {0, "PK\x03\x04"sv, "a zip archive"},
      {0, "!<arch>\n"sv, "an ar archive (a .deb?)"},
      {0, "\x1f\x8b"sv, "compressed with gzip"},
      {0, "\x28\xb5\x2f\xfd"sv, "compressed with zstd"},
      {0, "\xfd\x37zXZ"sv, "compressed with xz"},
      {0, "BZh"sv, "compressed with bzip2"},
  };
  for (const Sign& sign : signs)
    if (begin.size() >= sign.at + sign.bytes.size() && begin.substr(sign.at, sign.bytes.size()) == sign.bytes)
      return sign.kind;
  return "";
}

std::string what_instead(int fd) {
  const std::string begin = fd < 0 ? "" : begin_of(fd, 2048);
  if (fd >= 0 && begin.empty()) return "it is empty";
  const std::string_view kind = kind_of_file(begin);
  if (kind.empty() || kind == "a tar") return "is it a tar?";
  return fmt::format("it is {}{}", kind,
                     kind.contains("file system") || kind.contains("disk")
                         ? ", and no tar; 'rootfs-builder convert' reads images, 'extract' makes tars of them"
                         : "");
}

Result<void> check_empty_tar(int fd) {
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return {};
  if (info.st_size == 0) return refused("an empty file, and no tar");
  const std::string begin = begin_of(fd, most_empty_tar);
  const bool zeros = std::ranges::all_of(begin, [](char byte) { return byte == 0; });
  if (const std::string_view kind = kind_of_file(begin); kind.starts_with("compressed")) return {};
  if (zeros && static_cast<std::uint64_t>(info.st_size) <= most_empty_tar) return {};
  return refused(zeros ? std::string("a file of zeros, and no tar")
                       : "there is nothing in it as a tar; " + what_instead(fd));
}

}  // namespace cg::image
