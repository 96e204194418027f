// Everything of an ext4 file system that is not file content.
#pragma once

#include "base/result.h"
#include "image/block_file.h"
#include "image/space.h"
#include "image/tree.h"

namespace cg::image {

struct ImageOptions;
struct ImageSummary;

// `fd` is the file that `file` writes to. All regular files' content must be stored. Numbers the tree's inodes.
Result<ImageSummary> write_ext4(Tree& tree, Space& space, BlockFile& file, int fd, const ImageOptions& options);

}  // namespace cg::image
