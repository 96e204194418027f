// Extended attributes as ext4 stores them: what fits behind the inode's fixed part goes there, the rest into
// one block.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace cg::image {

inline constexpr std::size_t inode_size = 256;
inline constexpr std::size_t inode_fixed_size = 128 + 32;  // the old inode and i_extra_isize bytes

struct StoredXattrs {
  std::array<std::byte, inode_size - inode_fixed_size> inode_part{};
  std::vector<std::byte> block;  // empty, or one block whose checksum is still to be set
};

// A POSIX ACL as ext4 stores it becomes one as the system.posix_acl_* attributes carry it, here and in tars.
std::optional<std::string> acl_from_disk(const std::string& value);

// Refused, naming the attribute, when one has a prefix that ext4 does not know or they need more than one
// block.
Result<StoredXattrs> store_xattrs(const std::vector<Xattr>& xattrs);

}  // namespace cg::image
