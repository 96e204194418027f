// Makes a file system, the partition around it and the file longer.
#pragma once

#include "base/result.h"
#include "image/bytes/overlay.h"
#include "image/disk/layout.h"

namespace cg::image {

// At least `extra` bytes; the file's length stays a multiple of 128 MiB where it was one (as Kata wants it),
// else it becomes one of 1 MiB. A dm-verity partition behind it moves to where its form wants it; its tree is
// the caller's to make anew. Refused when something else lies behind the partition, or when ext4's
// descriptors would have to move. Returns the new place.
Result<Place> grow_file_system(Overlay& disk, const DiskLayout& layout, const Place& place,
                               std::uint64_t extra);

}  // namespace cg::image
