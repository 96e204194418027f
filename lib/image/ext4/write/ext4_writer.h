// Everything of an ext4 file system that is not file content.
#pragma once

#include "base/result.h"
#include "image/bytes/block_file.h"
#include "image/bytes/device.h"
#include "image/ext4/write/space.h"
#include "image/options/image_options.h"
#include "image/tree/tree.h"

namespace cg::image {

// `device` begins where `file` writes block 0. All regular files' content must be stored. Numbers the tree's
// inodes.
Result<ImageSummary> write_ext4(Tree& tree, Space& space, BlockFile& file, Device& device,
                                const ImageOptions& options);

}  // namespace cg::image
