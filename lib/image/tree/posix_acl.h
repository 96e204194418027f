// POSIX ACLs as attributes carry them: a version, then {tag, permissions, id} sorted by tag and id
// (Linux include/uapi/linux/posix_acl_xattr.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::image {

inline constexpr const char* access_acl = "system.posix_acl_access";
inline constexpr const char* default_acl = "system.posix_acl_default";

inline constexpr std::uint16_t acl_owner = 0x01;
inline constexpr std::uint16_t acl_user = 0x02;
inline constexpr std::uint16_t acl_owning_group = 0x04;
inline constexpr std::uint16_t acl_group = 0x08;
inline constexpr std::uint16_t acl_mask = 0x10;
inline constexpr std::uint16_t acl_other = 0x20;

struct AclItem {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};

std::string acl_value(std::vector<AclItem> items);
std::optional<std::vector<AclItem>> acl_items(std::string_view value);
// Refused: what the kernel would not let be set, and could not use: an owner, a group or the others missing
// or twice, one user twice, named ones without a mask.
Result<void> check_acl(std::span<const AclItem> items, const std::string& path);
// The permissions that the kernel shows of a file with that ACL: the group's are the mask. An archive's
// reader may have taken them from elsewhere.
std::uint32_t mode_with_acl(std::uint32_t mode, std::span<const AclItem> items);

}  // namespace cg::image
