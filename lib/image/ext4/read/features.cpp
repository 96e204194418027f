#include "image/ext4/read/features.h"

#include <ext2fs/ext2fs.h>

#include <cstdint>
#include <utility>

extern "C" {
#include <e2p/e2p.h>
}

namespace cg::image {

std::vector<std::string> feature_names(const ext2_super_block& super) {
  std::vector<std::string> names;
  const std::pair<int, std::uint32_t> words[] = {{E2P_FEATURE_COMPAT, super.s_feature_compat},
                                                 {E2P_FEATURE_INCOMPAT, super.s_feature_incompat},
                                                 {E2P_FEATURE_RO_INCOMPAT, super.s_feature_ro_compat}};
  for (const auto& [word, bits] : words)
    for (int bit = 0; bit < 32; ++bit)
      if (bits >> bit & 1) names.emplace_back(e2p_feature2string(word, 1U << bit));
  return names;
}

}  // namespace cg::image
