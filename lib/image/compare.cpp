#include "image/compare.h"

#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "image/initrd/files.h"

namespace cg::image {
namespace {

// The name of the metadata that the block holds, or "".
std::string role_of(ext2_filsys fs, std::uint64_t block) {
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    if (block == ext2fs_block_bitmap_loc(fs, group)) return fmt::format("block bitmap of group {}", group);
    if (block == ext2fs_inode_bitmap_loc(fs, group)) return fmt::format("inode bitmap of group {}", group);
    const std::uint64_t table = ext2fs_inode_table_loc(fs, group);
    if (block >= table && block < table + fs->inode_blocks_per_group)
      return fmt::format("inodes from {} on",
                         std::uint64_t{group} * fs->super->s_inodes_per_group +
                             (block - table) * fs->blocksize / EXT2_INODE_SIZE(fs->super) + 1);
    blk64_t super = 0;
    blk64_t old_table = 0;
    blk64_t new_table = 0;
    blk_t used = 0;
    ext2fs_super_and_bgd_loc2(fs, group, &super, &old_table, &new_table, &used);
    if (group > 0 && block == super && super != 0) return fmt::format("superblock copy of group {}", group);
    if (old_table != 0 && block >= old_table && block < old_table + fs->desc_blocks)
      return fmt::format("group descriptors in group {}", group);
  }
  return {};
}

}  // namespace

void Differences::add(std::string where, std::string what, std::string first, std::string second) {
  if (!full()) found_.push_back({std::move(where), std::move(what), std::move(first), std::move(second)});
}

void compare_layouts(const DiskLayout& first, const DiskLayout& second, Differences& differences) {
  differences.compare("file", "bytes", first.bytes, second.bytes);
  differences.compare("file", "partition table", std::string(to_string(first.scheme)),
                      std::string(to_string(second.scheme)));
  const auto one = [](const DiskLayout& layout, unsigned number) -> const Partition* {
    const auto found = std::ranges::find(layout.partitions, number, &Partition::number);
    return found == layout.partitions.end() ? nullptr : &*found;
  };
  std::vector<unsigned> numbers;
  for (const DiskLayout* layout : {&first, &second})
    for (const Partition& partition : layout->partitions) numbers.push_back(partition.number);
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  for (const unsigned number : numbers) {
    const std::string where = fmt::format("partition {}", number);
    const Partition* const a = one(first, number);
    const Partition* const b = one(second, number);
    if (!a || !b) {
      differences.add(where, "exists", a ? "yes" : "", b ? "yes" : "");
      continue;
    }
    differences.compare(where, "offset", a->offset, b->offset);
    differences.compare(where, "bytes", a->bytes, b->bytes);
    differences.compare(where, "type", a->type, b->type);
    differences.compare(where, "name", a->name, b->name);
    differences.compare(where, "content", std::string(to_string(a->content)),
                        std::string(to_string(b->content)));
  }
}

Result<void> compare_bytes(Device& first, Device& second, const ImageReader* file_system,
                           Differences& differences) {
  constexpr std::uint64_t piece = 1 << 20;
  const std::uint64_t common = std::min(first.size(), second.size());
  std::vector<std::byte> a(piece);
  std::vector<std::byte> b(piece);
  for (std::uint64_t at = 0; at < common; at += piece) {
    const std::size_t count = std::min(piece, common - at);
    CG_CHECK(first.read(at, std::span(a).first(count)));
    CG_CHECK(second.read(at, std::span(b).first(count)));
    if (std::memcmp(a.data(), b.data(), count) == 0) continue;
    const std::size_t in = static_cast<std::size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(count), b.begin()).first -
        a.begin());
    std::string where = fmt::format("byte {}", at + in);
    if (file_system && at + in >= file_system->place().offset) {
      const ext2_filsys fs = file_system->as<ExtFiles>()->filesystem();
      const std::uint64_t inside = at + in - file_system->place().offset;
      const std::uint64_t block = inside / fs->blocksize;
      if (block < ext2fs_blocks_count(fs->super)) {
        const std::string role = role_of(fs, block);
        where = fmt::format("block {}{}, byte {}", block, role.empty() ? "" : " (" + role + ")",
                            inside % fs->blocksize);
      }
    }
    differences.add(where, "value", fmt::format("0x{:02x}", static_cast<unsigned>(a[in])),
                    fmt::format("0x{:02x}", static_cast<unsigned>(b[in])));
    return {};
  }
  return {};
}

void compare_initrds(const InitrdArchive& first, const InitrdArchive& second, Differences& differences) {
  const auto& a = first.members();
  const auto& b = second.members();
  const auto codec = [](const InitrdMember& member) {
    return member.codec ? std::string(to_string(*member.codec)) : std::string("none");
  };
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string where = fmt::format("archive {}", i + 1);
    if (i >= a.size() || i >= b.size()) {
      differences.add(where, "exists", i < a.size() ? "yes" : "", i < b.size() ? "yes" : "");
      continue;
    }
    differences.compare(where, "offset", a[i].offset, b[i].offset);
    differences.compare(where, "compression", codec(a[i]), codec(b[i]));
    differences.compare(where, "entries", a[i].entries, b[i].entries);
    differences.compare(where, "unpacked bytes", a[i].unpacked, b[i].unpacked);
  }
}

Result<std::vector<Difference>> compare_images(const ImageReader& first, const ImageReader& second,
                                               CompareScope scope, std::size_t most) {
  Differences differences(most);
  const bool everything = scope == CompareScope::everything;
  const auto* const a = first.as<ExtFiles>();
  const auto* const b = second.as<ExtFiles>();
  const bool both_ext = a && b;
  const auto* const initrd = first.as<InitrdFiles>();
  const auto* const other = second.as<InitrdFiles>();
  if (everything) {
    compare_layouts(first.layout(), second.layout(), differences);
    if (both_ext) {
      compare_superblocks(*a, *b, differences);
      compare_groups(*a, *b, differences);
    } else if (initrd && other) {
      compare_initrds(initrd->archive(), other->archive(), differences);
    } else {
      differences.compare("file", "content", std::string(to_string(first.place().content)),
                          std::string(to_string(second.place().content)));
    }
  }
  if (!differences.full()) CG_CHECK(compare_files(first, second, scope, differences));
  if (everything && differences.found().empty()) {
    CG_CHECK(compare_bytes(first.disk(), second.disk(), both_ext ? &first : nullptr, differences));
  }
  return differences.found();
}

}  // namespace cg::image
