// The files of an EROFS file system: names and inodes are read here, and so are bytes that are not
// compressed; for others fsck.erofs unpacks the whole, once, when the first of them is asked for.
#pragma once

#include <memory>

#include "image/bytes/device.h"
#include "image/tree/tree_files.h"

namespace cg::image {

// `window` is the file system, which starts `offset` bytes into the file `fd`; both must stay as they are.
// Refused: damaged.
Result<std::unique_ptr<TreeFiles>> open_erofs_files(Window& window, int fd, std::uint64_t offset);

// fsck.erofs over it: what it printed when it found something, "" when it did not. Cannot: it is not
// installed.
Result<std::string> check_erofs(int fd, std::uint64_t offset, std::uint64_t bytes, const std::string& name);

}  // namespace cg::image
