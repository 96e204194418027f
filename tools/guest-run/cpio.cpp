#include "cpio.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

namespace cg {
namespace {

void align(std::string& bytes) {
  bytes.resize((bytes.size() + 3) & ~std::size_t{3});
}

}  // namespace

void CpioWriter::entry(std::string_view name, unsigned mode, std::string_view bytes) {
  // Thirteen fields of eight hexadecimal digits: inode, mode, uid, gid, links, mtime, size, device major and
  // minor, rdev major and minor, length of the name with its NUL, checksum (unused).
  bytes_ +=
      fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                  next_inode_++, mode, 0, 0, 1, 0, bytes.size(), 0, 0, 0, 0, name.size() + 1, 0);
  bytes_ += name;
  bytes_.push_back('\0');
  align(bytes_);
  bytes_ += bytes;
  align(bytes_);
}

CpioWriter& CpioWriter::directory(std::string_view name, unsigned mode) {
  entry(name, S_IFDIR | mode, {});
  return *this;
}

CpioWriter& CpioWriter::file(std::string_view name, std::string_view bytes, unsigned mode) {
  entry(name, S_IFREG | mode, bytes);
  return *this;
}

std::string CpioWriter::finish() {
  entry("TRAILER!!!", 0, {});
  next_inode_ = 1;
  return std::exchange(bytes_, {});
}

}  // namespace cg
