// What an EROFS file system says of itself (layout: Linux fs/erofs/erofs_fs.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/bytes/device.h"

namespace cg::image {

struct ErofsInfo {
  std::uint32_t block_size = 0;
  std::uint64_t blocks = 0;
  std::uint64_t inodes = 0;
  std::uint64_t root = 0;           // number of its root directory
  std::uint64_t inodes_at = 0;      // where number 0 would lie, in bytes
  std::uint64_t attributes_at = 0;  // of attributes that inodes share
  std::int64_t build_time = 0;
  std::string uuid;
  std::string label;
  std::vector<std::string> features;
  bool checksum_ok = true;  // where it has one
};

// Refused: no EROFS, or blocks of a size that there is not.
Result<ErofsInfo> read_erofs_superblock(Device& file_system);

}  // namespace cg::image
