#include "image/tree/posix_acl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace cg::image {
namespace {

constexpr std::uint32_t version = 2;

bool is_named(std::uint16_t tag) {
  return tag == acl_user || tag == acl_group;
}

}  // namespace

std::string acl_value(std::vector<AclItem> items) {
  std::ranges::sort(
      items, [](const AclItem& a, const AclItem& b) { return a.tag != b.tag ? a.tag < b.tag : a.id < b.id; });
  std::string value(reinterpret_cast<const char*>(&version), sizeof version);
  for (const AclItem& item : items) value.append(reinterpret_cast<const char*>(&item), sizeof item);
  return value;
}

std::optional<std::vector<AclItem>> acl_items(std::string_view value) {
  std::uint32_t found = 0;
  if (value.size() < sizeof found || (value.size() - sizeof found) % sizeof(AclItem) != 0)
    return std::nullopt;
  std::memcpy(&found, value.data(), sizeof found);
  if (found != version) return std::nullopt;
  std::vector<AclItem> items((value.size() - sizeof found) / sizeof(AclItem));
  if (!items.empty()) std::memcpy(items.data(), value.data() + sizeof found, items.size() * sizeof(AclItem));
  return items;
}

Result<void> check_acl(std::span<const AclItem> items, const std::string& path) {
  const auto bad = [&](const std::string& why) {
    return refused(fmt::format("{}: its ACL {}; no kernel would take it", path, why));
  };
  std::set<std::pair<std::uint16_t, std::uint32_t>> seen;
  bool any_named = false;
  for (const AclItem& item : items) {
    const bool named = is_named(item.tag);
    if (!named && item.tag != acl_owner && item.tag != acl_owning_group && item.tag != acl_mask &&
        item.tag != acl_other)
      return bad(fmt::format("has an entry of kind {:#x}", item.tag));
    if (!seen.emplace(item.tag, named ? item.id : 0).second)
      return bad(named ? fmt::format("has the {} {} twice", item.tag == acl_user ? "user" : "group", item.id)
                       : std::string("has an entry twice"));
    any_named = any_named || named;
  }
  for (const auto& [tag, what] :
       {std::pair{acl_owner, "owner"}, {acl_owning_group, "group"}, {acl_other, "others"}})
    if (!seen.contains({tag, 0})) return bad(fmt::format("has no entry for the {}", what));
  if (any_named && !seen.contains({acl_mask, 0})) return bad("names users or groups and has no mask");
  return {};
}

std::uint32_t mode_with_acl(std::uint32_t mode, std::span<const AclItem> items) {
  std::optional<std::uint32_t> mask;
  for (const AclItem& item : items) {
    const std::uint32_t bits = item.permissions & 7;
    if (item.tag == acl_owner) mode = (mode & ~0700U) | bits << 6;
    if (item.tag == acl_other) mode = (mode & ~7U) | bits;
    if (item.tag == acl_owning_group && !mask) mode = (mode & ~070U) | bits << 3;
    if (item.tag == acl_mask) mask = bits;
  }
  return mask ? (mode & ~070U) | *mask << 3 : mode;
}

}  // namespace cg::image
