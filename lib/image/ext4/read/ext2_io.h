// libext2fs over a Device: its file system may lie anywhere in a file, or in changes that no file has yet.
#pragma once

#include <ext2fs/ext2fs.h>

#include <memory>
#include <string>

#include "image/bytes/device.h"

namespace cg::image {

struct FilesystemCloser {
  void operator()(ext2_filsys fs) const { ext2fs_free(fs); }  // nothing is written
};
using Filesystem = std::unique_ptr<struct_ext2_filsys, FilesystemCloser>;

// For ext2fs_open() and ext2fs_initialize(): the manager, and the name that leads it to `device`, which must
// live as long as the file system.
io_manager device_io_manager();
std::string device_io_name(Device& device);

// Opens the file system that fills `device`. `flags` are EXT2_FLAG_*. Refused when it is none, has features
// that libext2fs does not know, or is longer than the device.
Result<Filesystem> open_ext(Device& device, int flags);

}  // namespace cg::image
