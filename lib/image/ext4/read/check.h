// Whether an ext2/3/4 file system is whole, in the eyes of e2fsck.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace cg::image {

// What e2fsck -fn finds in the file system `offset` bytes into the file `fd`; "": nothing. Cannot: it is not
// installed.
Result<std::string> check_ext(int fd, std::uint64_t offset);

}  // namespace cg::image
