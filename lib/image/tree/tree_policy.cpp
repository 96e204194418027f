#include "image/tree/tree_policy.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace cg::image {

Result<IdRange> parse_id_range(std::string_view text) {
  const auto fields = split(text, ':');
  IdRange range;
  std::uint32_t* const values[] = {&range.from, &range.to, &range.count};
  bool good = fields.size() == 3;
  for (std::size_t i = 0; good && i < 3; ++i) {
    const auto [end, error] =
        std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), *values[i]);
    good = !fields[i].empty() && error == std::errc{} && end == fields[i].data() + fields[i].size();
  }
  good = good && range.count > 0 && range.from <= UINT32_MAX - range.count &&
         range.to <= UINT32_MAX - range.count;
  if (!good)
    return usage_error(fmt::format("'{}': write numbers as FROM:TO:COUNT, such as 0:100000:65536", text));
  return range;
}

Result<void> apply(const TreePolicy& policy, Tree& tree) {
  Result<void> result;
  if (policy.uids.empty() && policy.gids.empty() && policy.devices == TreePolicy::Devices::stored)
    return result;
  const auto mapped = [&](const std::vector<IdRange>& ranges, std::uint32_t& id) {
    if (ranges.empty()) return true;
    for (const IdRange& range : ranges) {
      if (id < range.from || id - range.from >= range.count) continue;
      id = range.to + (id - range.from);
      return true;
    }
    return false;
  };
  tree.visit([&](const std::string& path, InodeIndex index) {
    if (!result) return;
    Metadata& meta = tree.at(index).meta;
    if (policy.devices == TreePolicy::Devices::refused &&
        (meta.type == NodeType::character_device || meta.type == NodeType::block_device))
      result = refused(fmt::format("{}: a {}, and --no-devices is given", path, to_string(meta.type)));
    else if (!mapped(policy.uids, meta.uid))
      result = refused(fmt::format("{}: no --uid-map holds the user {}", path, meta.uid));
    else if (!mapped(policy.gids, meta.gid))
      result = refused(fmt::format("{}: no --gid-map holds the group {}", path, meta.gid));
  });
  return result;
}

}  // namespace cg::image
