// What is done to a whole tree before it is written.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace cg::image {

// Numbers from `from` on become those from `to` on, as in a user namespace.
struct IdRange {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t count = 1;
};
Result<IdRange> parse_id_range(std::string_view text);  // "FROM:TO:COUNT"

struct TreePolicy {
  std::vector<IdRange>
      uids;  // empty: as they are; else an id that no range holds is refused, naming its entry
  std::vector<IdRange> gids;
  enum class Devices { stored, refused } devices = Devices::stored;
};
Result<void> apply(const TreePolicy& policy, Tree& tree);

}  // namespace cg::image
