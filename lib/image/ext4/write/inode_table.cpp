#include "image/ext4/write/inode_table.h"

#include <ext2fs/ext2fs.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "base/round.h"
#include "image/ext4/read/xattr.h"
#include "image/ext4/write/directory_blocks.h"
#include "image/ext4/write/extent_tree.h"

namespace cg::image {
namespace {

constexpr std::size_t lost_and_found_blocks = 4;
constexpr std::size_t fast_link_size = 60;  // a shorter target lies in i_block
constexpr std::uint32_t sectors_per_block = block_size / 512;

std::uint8_t directory_type(NodeType type) {
  switch (type) {
    case NodeType::regular:
      return EXT2_FT_REG_FILE;
    case NodeType::directory:
      return EXT2_FT_DIR;
    case NodeType::symlink:
      return EXT2_FT_SYMLINK;
    case NodeType::character_device:
      return EXT2_FT_CHRDEV;
    case NodeType::block_device:
      return EXT2_FT_BLKDEV;
    case NodeType::fifo:
      return EXT2_FT_FIFO;
    case NodeType::socket:
      return EXT2_FT_SOCK;
  }
  return EXT2_FT_UNKNOWN;
}

struct DiskTime {
  std::uint32_t seconds;
  std::uint32_t extra;  // two bits that extend the seconds, then 30 of nanoseconds
};

DiskTime disk_time(Timestamp time, std::optional<std::int64_t> newest) {
  constexpr std::int64_t earliest = INT32_MIN;
  constexpr std::int64_t latest = (std::int64_t{3} << 32) + INT32_MAX;
  if (newest && (time.seconds > *newest || (time.seconds == *newest && time.nanoseconds > 0)))
    time = {*newest, 0};
  if (time.seconds < earliest) time = {earliest, 0};
  if (time.seconds > latest) time = {latest, 0};
  const auto low = static_cast<std::int32_t>(time.seconds & 0xffffffff);
  const auto epoch = static_cast<std::uint32_t>((time.seconds - low) >> 32) & 3;
  return {static_cast<std::uint32_t>(low), epoch | time.nanoseconds << 2};
}

void put_metadata(ext2_inode_large& disk, const Metadata& meta, std::optional<std::int64_t> newest) {
  disk.i_mode = static_cast<__u16>(type_bits(meta.type) | (meta.mode & 07777));
  disk.i_uid = static_cast<__u16>(meta.uid);
  disk.osd2.linux2.l_i_uid_high = static_cast<__u16>(meta.uid >> 16);
  disk.i_gid = static_cast<__u16>(meta.gid);
  disk.osd2.linux2.l_i_gid_high = static_cast<__u16>(meta.gid >> 16);
  disk.i_extra_isize = inode_fixed_size - 128;
  const DiskTime time = disk_time(meta.mtime, newest);
  disk.i_atime = disk.i_ctime = disk.i_mtime = disk.i_crtime = time.seconds;
  disk.i_atime_extra = disk.i_ctime_extra = disk.i_mtime_extra = disk.i_crtime_extra = time.extra;
}

void put_size(ext2_inode_large& disk, std::uint64_t size) {
  disk.i_size = static_cast<__u32>(size);
  disk.i_size_high = static_cast<__u32>(size >> 32);
}

void add_sectors(ext2_inode_large& disk, std::uint64_t blocks) {
  const std::uint64_t sectors =
      (static_cast<std::uint64_t>(disk.osd2.linux2.l_i_blocks_hi) << 32 | disk.i_blocks) +
      blocks * sectors_per_block;
  disk.i_blocks = static_cast<__u32>(sectors);
  disk.osd2.linux2.l_i_blocks_hi = static_cast<__u16>(sectors >> 32);
}

// The old 16-bit form where it holds the number, as the kernel writes it.
void put_device(ext2_inode_large& disk, std::uint32_t major, std::uint32_t minor) {
  if (major < 256 && minor < 256)
    disk.i_block[0] = major << 8 | minor;
  else
    disk.i_block[1] = (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

}  // namespace

Error InodeTable::no_room(const std::string& path) const {
  return {ErrorKind::refused,
          fmt::format("{}: does not fit; the image is limited to {} bytes: give a larger --size", path,
                      space_.most_blocks() * block_size)};
}

Result<std::vector<Extent>> InodeTable::attach(std::vector<std::byte> bytes, std::uint32_t owner,
                                               BlockKind kind, const std::string& path) {
  const auto runs = space_.allocate(bytes.size() / block_size);
  if (runs.empty()) return std::unexpected(no_room(path));
  std::vector<Extent> extents;
  std::uint64_t logical = 0;
  for (const Run& run : runs) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(logical * block_size);
    if (runs.size() == 1)
      blocks_.push_back({run.start, std::move(bytes), owner, kind});
    else
      blocks_.push_back(
          {run.start, {begin, begin + static_cast<std::ptrdiff_t>(run.count * block_size)}, owner, kind});
    extents.push_back({logical, run.start, run.count});
    logical += run.count;
  }
  return extents;
}

Result<void> InodeTable::put_extents(std::byte* inode, std::uint32_t number,
                                     const std::vector<Extent>& extents, const std::string& path) {
  auto tree = build_extent_tree(extents, space_);
  if (!tree) return std::unexpected(no_room(path));
  auto& disk = *reinterpret_cast<ext2_inode_large*>(inode);
  std::memcpy(disk.i_block, tree->inode_part.data(), tree->inode_part.size());
  disk.i_flags |= EXT4_EXTENTS_FL;
  std::uint64_t count = tree->blocks.size();
  for (const Extent& extent : extents) count += extent.count;
  add_sectors(disk, count);
  for (auto& block : tree->blocks)
    blocks_.push_back({block.physical, std::move(block.bytes), number, BlockKind::extents});
  return {};
}

Result<void> InodeTable::put_xattrs(std::byte* inode, std::uint32_t number, const std::vector<Xattr>& xattrs,
                                    const std::string& path) {
  auto stored = store_xattrs(xattrs);
  if (!stored) return std::unexpected(Error{stored.error().kind, path + ": " + stored.error().message});
  std::memcpy(inode + inode_fixed_size, stored->inode_part.data(), stored->inode_part.size());
  if (stored->block.empty()) return {};
  CG_TRY(extents, attach(std::move(stored->block), number, BlockKind::xattrs, path));
  auto& disk = *reinterpret_cast<ext2_inode_large*>(inode);
  disk.i_file_acl = static_cast<__u32>(extents[0].physical);
  disk.osd2.linux2.l_i_file_acl_high = static_cast<__u16>(extents[0].physical >> 32);
  add_sectors(disk, 1);
  return {};
}

Result<void> InodeTable::lay_out_inode(const Tree& tree, const std::string& path, const Inode& inode) {
  std::byte* const at = inode_at(inode.number);
  auto& disk = *reinterpret_cast<ext2_inode_large*>(at);
  put_metadata(disk, inode.meta, newest_time_);
  disk.i_links_count = static_cast<__u16>(inode.names);
  if (!inode.meta.xattrs.empty()) CG_CHECK(put_xattrs(at, inode.number, inode.meta.xattrs, path));
  switch (inode.meta.type) {
    case NodeType::regular: {
      ++files_;
      data_bytes_ += inode.size;
      put_size(disk, inode.size);
      static const std::vector<Extent> none;
      const auto* extents = std::get_if<std::vector<Extent>>(&inode.content);
      if (inode.size / block_size >= UINT32_MAX)
        return refused(fmt::format("{}: {} bytes; ext4 holds at most 16 TiB in a file", path, inode.size));
      return put_extents(at, inode.number, extents ? *extents : none, path);
    }
    case NodeType::directory: {
      std::vector<DirectoryEntry> entries;
      entries.reserve(inode.children.size());
      std::uint32_t links = 2;
      for (const auto& [name, child] : inode.children) {
        const Inode& target = tree.at(child);
        entries.push_back({name, target.number, directory_type(target.meta.type)});
        links += target.meta.type == NodeType::directory;
      }
      // More than a 16-bit count holds: ext4 then says 1, "not counted" (dir_nlink).
      disk.i_links_count = static_cast<__u16>(links > limits::names_of_file ? 1 : links);
      directories_.push_back(inode.number);
      const std::uint32_t parent = tree.at(inode.parent).number;
      std::vector<std::byte> bytes;
      if (inode.number == lost_and_found_inode && entries.empty()) {
        bytes = build_directory_with_room(inode.number, parent, lost_and_found_blocks);
      } else {
        auto built = build_directory(inode.number, parent, entries, hash_seed_);
        if (!built) return refused(path + ": " + built.error().message);
        if (built->indexed) disk.i_flags |= EXT2_INDEX_FL;
        bytes = std::move(built->bytes);
      }
      put_size(disk, bytes.size());
      CG_TRY(extents, attach(std::move(bytes), inode.number, BlockKind::directory, path));
      return put_extents(at, inode.number, extents, path);
    }
    case NodeType::symlink: {
      const std::string& target = inode.meta.target;
      if (target.empty()) return refused(path + ": a symbolic link without a target");
      if (target.size() > limits::target_bytes)
        return refused(fmt::format("{}: a link target of {} bytes; the most is {}", path, target.size(),
                                   limits::target_bytes));
      put_size(disk, target.size());
      if (target.size() < fast_link_size) {
        std::memcpy(disk.i_block, target.data(), target.size());
        return {};
      }
      std::vector<std::byte> bytes(block_size);
      std::memcpy(bytes.data(), target.data(), target.size());
      CG_TRY(extents, attach(std::move(bytes), inode.number, BlockKind::plain, path));
      return put_extents(at, inode.number, extents, path);
    }
    case NodeType::character_device:
    case NodeType::block_device:
      put_device(disk, inode.meta.device_major, inode.meta.device_minor);
      return {};
    case NodeType::fifo:
    case NodeType::socket:
      return {};
  }
  return {};
}

Result<void> InodeTable::lay_out(Tree& tree) {
  Metadata lost{.type = NodeType::directory, .mode = 0700, .mtime = tree.at(Tree::root).meta.mtime};
  if (!tree.at(Tree::root).children.contains("lost+found")) CG_CHECK(tree.add("/lost+found", lost));
  const InodeIndex lost_index = tree.at(Tree::root).children.find("lost+found")->second;
  if (tree.at(lost_index).meta.type != NodeType::directory)
    return refused(fmt::format("/lost+found: fsck needs a directory of that name, and the input has a {}",
                               to_string(tree.at(lost_index).meta.type)));
  tree.visit([&](const std::string&, InodeIndex index) {
    tree.at(index).number = index == Tree::root   ? root_inode
                            : index == lost_index ? lost_and_found_inode
                                                  : next_number_++;
  });
  // Whole blocks at once: growing it later would need it twice.
  bytes_.resize(round_up(std::size_t{used()} * inode_size, block_size));
  Result<void> result;
  tree.visit([&](const std::string& path, InodeIndex index) {
    if (result) result = lay_out_inode(tree, path, tree.at(index));
  });
  return result;
}

Result<void> InodeTable::add_journal(std::uint64_t blocks, std::int64_t time) {
  const auto run = space_.allocate_contiguous(blocks);
  if (!run) return std::unexpected(no_room(fmt::format("the journal of {} blocks", blocks)));
  journal_start_ = run->start;
  auto& disk = *reinterpret_cast<ext2_inode_large*>(inode_at(journal_inode));
  put_metadata(disk, Metadata{.mode = 0600, .mtime = {time, 0}}, std::nullopt);
  disk.i_links_count = 1;
  put_size(disk, blocks * block_size);
  return put_extents(inode_at(journal_inode), journal_inode, {{0, run->start, run->count}}, "the journal");
}

}  // namespace cg::image
