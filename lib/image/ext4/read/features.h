// The names of ext4's feature bits, as mke2fs and dumpe2fs write them.
#pragma once

#include <string>
#include <vector>

struct ext2_super_block;

namespace cg::image {

// "FEATURE_I31" and the like for bits without a name (C compatible, I incompatible, R read-only compatible).
std::vector<std::string> feature_names(const ext2_super_block& super);

}  // namespace cg::image
