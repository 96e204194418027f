// Layout (Linux fs/ext4/xattr.h): a header, then descriptors growing upwards, closed by four zero bytes;
// values grow downwards from the end. Both are aligned to four bytes. In a block the descriptors are sorted,
// because the kernel stops searching early, and offsets count from the block; in the inode they count from
// the first descriptor.
#include "image/ext4/read/xattr.h"

#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "image/bytes/block.h"

namespace cg::image {
namespace {

struct Prefix {
  std::string_view text;
  std::uint8_t index;
};

// The longest that matches wins: the two ACLs stand before "system.".
constexpr Prefix prefixes[] = {
    {"system.posix_acl_access", 2},
    {"system.posix_acl_default", 3},
    {"system.richacl", 8},
    {"user.", 1},
    {"trusted.", 4},
    {"security.", 6},
    {"system.", 7},
};

struct Item {
  std::uint8_t index;
  std::string name;  // without the prefix
  std::string value;
  std::size_t size() const { return EXT2_EXT_ATTR_LEN(name.size()) + EXT2_EXT_ATTR_SIZE(value.size()); }
};

// The kernel's interface hands out an ACL with an id in every entry; on disk only the entries that name a
// user or group have one, and the version is another.
constexpr std::uint32_t interface_version = 2;
constexpr std::uint32_t disk_version = 1;

bool has_id(std::uint16_t tag) {
  return tag == 0x02 || tag == 0x08;  // ACL_USER, ACL_GROUP
}

std::optional<std::string> acl_for_disk(const std::string& value) {
  std::uint32_t version = 0;
  if (value.size() < 4 || (value.size() - 4) % 8 != 0) return std::nullopt;
  std::memcpy(&version, value.data(), 4);
  if (version != interface_version) return std::nullopt;
  std::string disk(reinterpret_cast<const char*>(&disk_version), 4);
  for (std::size_t at = 4; at < value.size(); at += 8) {
    std::uint16_t tag = 0;
    std::memcpy(&tag, value.data() + at, 2);
    disk.append(value, at, has_id(tag) ? 8 : 4);
  }
  return disk;
}

Result<Item> to_item(const Xattr& xattr) {
  for (const Prefix& prefix : prefixes) {
    if (!xattr.name.starts_with(prefix.text)) continue;
    Item item{prefix.index, xattr.name.substr(prefix.text.size()), xattr.value};
    if (prefix.index == 2 || prefix.index == 3) {
      auto acl = acl_for_disk(xattr.value);
      if (!acl || !item.name.empty())
        return refused(fmt::format("attribute {}: not a POSIX ACL", xattr.name));
      item.value = std::move(*acl);
    }
    if (item.name.size() > 255)
      return refused(fmt::format("attribute {}…: name longer than 255 bytes", xattr.name.substr(0, 32)));
    return item;
  }
  return refused(fmt::format(
      "attribute {}: ext4 stores only user., trusted., security. and system. attributes", xattr.name));
}

enum class EntryHash { none, set };  // in a block each entry has one, in an inode none

// Writes `items` between `area.begin() + header` and the end; offsets count from `base`.
void put_items(std::span<std::byte> area, std::size_t header, std::size_t base,
               const std::vector<Item>& items, EntryHash hash) {
  std::size_t at = header;
  std::size_t value_at = area.size();
  for (const Item& item : items) {
    value_at -= EXT2_EXT_ATTR_SIZE(item.value.size());
    std::memcpy(area.data() + value_at, item.value.data(), item.value.size());
    ext2_ext_attr_entry entry{.e_name_len = static_cast<__u8>(item.name.size()),
                              .e_name_index = item.index,
                              .e_value_offs = static_cast<__u16>(item.value.empty() ? 0 : value_at - base),
                              .e_value_inum = 0,
                              .e_value_size = static_cast<__u32>(item.value.size()),
                              .e_hash = 0};
    std::memcpy(area.data() + at, &entry, sizeof entry);
    std::memcpy(area.data() + at + sizeof entry, item.name.data(), item.name.size());
    if (hash == EntryHash::set) {
      auto* placed = reinterpret_cast<ext2_ext_attr_entry*>(area.data() + at);
      placed->e_hash = ext2fs_ext_attr_hash_entry(placed, area.data() + value_at);
    }
    at += EXT2_EXT_ATTR_LEN(item.name.size());
  }
}

}  // namespace

std::optional<std::string> acl_from_disk(const std::string& value) {
  std::uint32_t version = 0;
  if (value.size() < 4) return std::nullopt;
  std::memcpy(&version, value.data(), 4);
  if (version != disk_version) return std::nullopt;
  const std::uint32_t no_id = UINT32_MAX;
  std::string acl(reinterpret_cast<const char*>(&interface_version), 4);
  for (std::size_t at = 4; at < value.size();) {
    std::uint16_t tag = 0;
    if (value.size() - at < 4) return std::nullopt;
    std::memcpy(&tag, value.data() + at, 2);
    const std::size_t count = has_id(tag) ? 8 : 4;
    if (value.size() - at < count) return std::nullopt;
    acl.append(value, at, count);
    if (count == 4) acl.append(reinterpret_cast<const char*>(&no_id), 4);
    at += count;
  }
  return acl;
}

Result<StoredXattrs> store_xattrs(const std::vector<Xattr>& xattrs) {
  StoredXattrs stored;
  constexpr std::size_t magic_size = 4;
  constexpr std::size_t end_size = 4;
  std::size_t inode_room = stored.inode_part.size() - magic_size - end_size;
  std::size_t block_room = block_size - sizeof(ext2_ext_attr_header) - end_size;
  std::vector<Item> in_inode;
  std::vector<Item> in_block;
  for (const Xattr& xattr : xattrs) {
    CG_TRY(item, to_item(xattr));
    if (item.size() <= inode_room) {
      inode_room -= item.size();
      in_inode.push_back(std::move(item));
    } else if (item.size() <= block_room) {
      block_room -= item.size();
      in_block.push_back(std::move(item));
    } else {
      return refused(
          fmt::format("attribute {} ({} bytes): a file's attributes must fit one block of {} bytes",
                      xattr.name, xattr.value.size(), block_size));
    }
  }
  const auto order = [](const Item& a, const Item& b) {
    return std::tuple(a.index, a.name.size(), std::string_view(a.name)) <
           std::tuple(b.index, b.name.size(), std::string_view(b.name));
  };
  const std::uint32_t magic = EXT2_EXT_ATTR_MAGIC;
  if (!in_inode.empty()) {
    std::ranges::sort(in_inode, order);
    std::memcpy(stored.inode_part.data(), &magic, magic_size);
    put_items(stored.inode_part, magic_size, magic_size, in_inode, EntryHash::none);
  }
  if (!in_block.empty()) {
    std::ranges::sort(in_block, order);
    stored.block.resize(block_size);
    const ext2_ext_attr_header header{
        .h_magic = magic, .h_refcount = 1, .h_blocks = 1, .h_hash = 0, .h_checksum = 0, .h_reserved = {}};
    std::memcpy(stored.block.data(), &header, sizeof header);
    put_items(stored.block, sizeof header, 0, in_block, EntryHash::set);
    auto* placed = reinterpret_cast<ext2_ext_attr_header*>(stored.block.data());
    ext2fs_ext_attr_block_rehash(placed,
                                 reinterpret_cast<ext2_ext_attr_entry*>(stored.block.data() + block_size));
  }
  return stored;
}

}  // namespace cg::image
