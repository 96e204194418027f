#include "image/ext4/edit/ext_editor.h"

#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/limits.h"
#include "image/bytes/block_file.h"
#include "image/ext4/read/ext2_error.h"
#include "image/ext4/read/lookup.h"

namespace cg::image {
namespace {

ext2_inode* plain(ext2_inode_large& inode) {
  return reinterpret_cast<ext2_inode*>(&inode);
}

void put_time(ext2_inode_large& inode, std::int64_t time) {
  inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = static_cast<__u32>(time);
  const auto low = static_cast<std::int32_t>(time);
  const auto extra = static_cast<__u32>((time - low) >> 32 & 3);
  inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = inode.i_crtime_extra = extra;
}

std::uint32_t uid_of(const ext2_inode_large& inode) {
  return inode.i_uid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_uid_high) << 16;
}
std::uint32_t gid_of(const ext2_inode_large& inode) {
  return inode.i_gid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_gid_high) << 16;
}

void put_owner(ext2_inode_large& inode, std::uint32_t uid, std::uint32_t gid) {
  inode.i_uid = static_cast<__u16>(uid);
  inode.osd2.linux2.l_i_uid_high = static_cast<__u16>(uid >> 16);
  inode.i_gid = static_cast<__u16>(gid);
  inode.osd2.linux2.l_i_gid_high = static_cast<__u16>(gid >> 16);
}

void put_mode(ext2_inode_large& inode, std::uint32_t mode) {
  inode.i_mode = static_cast<__u16>((inode.i_mode & ~07777U) | (mode & 07777));
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

ExtEditor::ExtEditor(Target target)
    : target_(std::move(target)),
      fs_(target_.fs),
      free_at_start_(ext2fs_free_blocks_count(fs_->super) * fs_->blocksize) {}

std::string ExtEditor::what(std::string_view path) const {
  return fmt::format("{}: {}", target_.name, path);
}

std::unexpected<Error> ExtEditor::fault(std::string_view path, errcode_t code) {
  if (code == EXT2_ET_BLOCK_ALLOC_FAIL)
    no_room_ = NoRoom{
        fmt::format("no room for {} ({} bytes are free); the image is unchanged", path, free_at_start_)};
  if (code == EXT2_ET_INODE_ALLOC_FAIL)
    no_room_ = NoRoom{fmt::format("no inode is free for {}; the image is unchanged", path)};
  if (no_room_)
    return refused(fmt::format("{}: {}; --grow makes it larger", target_.name, no_room_->message));
  return ext2_error(what(path), code);
}

#define CG_EDIT(path, call)                                              \
  do {                                                                   \
    if (const errcode_t cg_code_ = (call)) return fault(path, cg_code_); \
  } while (false)

Result<ext2_ino_t> ExtEditor::find(const std::string& path) {
  auto place = look_up(fs_, path, LastLink::follow);
  if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
  if (!place->missing.empty()) return refused(what(path) + ": no such file in the image");
  return place->node;
}

Result<void> ExtEditor::change_inode(ext2_ino_t number, const std::string& path,
                                     const std::function<void(ext2_inode_large&)>& change) {
  ext2_inode_large inode{};
  CG_EDIT(path, ext2fs_read_inode_full(fs_, number, plain(inode), sizeof inode));
  change(inode);
  CG_EDIT(path, ext2fs_write_inode_full(fs_, number, plain(inode), sizeof inode));
  return {};
}

// libext2fs says "no space in directory" when it could not look for some as well, so that is asked twice
// before the directory gets another block.
errcode_t ExtEditor::with_room_in(ext2_ino_t directory, const std::function<errcode_t()>& call) {
  errcode_t code = call();
  if (code == EXT2_ET_DIR_NO_SPACE) code = call();
  if (code != EXT2_ET_DIR_NO_SPACE) return code;
  code = ext2fs_expand_dir(fs_, directory);
  return code ? code : call();
}

Result<void> ExtEditor::link(ext2_ino_t directory, const std::string& name, ext2_ino_t inode, int type,
                             const std::string& path) {
  CG_EDIT(path,
          with_room_in(directory, [&] { return ext2fs_link(fs_, directory, name.c_str(), inode, type); }));
  return {};
}

// A bitmap that calls a used inode free is found here, before the file that has it is lost.
Result<ext2_ino_t> ExtEditor::free_inode(ext2_ino_t directory, int mode, const std::string& path) {
  ext2_ino_t number = 0;
  CG_EDIT(path, ext2fs_new_inode(fs_, directory, mode, nullptr, &number));
  const dgrp_t group = ext2fs_group_of_ino(fs_, number);
  const __u32 index = (number - 1) % fs_->super->s_inodes_per_group;
  const __u32 written = fs_->super->s_inodes_per_group - ext2fs_bg_itable_unused(fs_, group);
  ext2_inode before{};
  // What was never written may hold anything.
  if (!ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_UNINIT) && index < written &&
      ext2fs_read_inode(fs_, number, &before) == 0 && before.i_links_count != 0)
    return refused(fmt::format(
        "{}: inode {} is in use and marked as free; the image is damaged, run 'e2fsck -f' on it first", path,
        number));
  return number;
}

Result<ext2_ino_t> ExtEditor::add_directory(ext2_ino_t parent, const std::string& name, std::int64_t time,
                                            const std::string& path) {
  CG_TRY(made, free_inode(parent, LINUX_S_IFDIR | 0755, path));
  ext2_inode before{};
  CG_EDIT(path, ext2fs_read_inode(fs_, parent, &before));
  const bool counted = before.i_links_count != 1;
  const bool full = counted && before.i_links_count >= limits::names_of_file;
  if (full && !ext2fs_has_feature_dir_nlink(fs_->super))
    return refused(
        fmt::format("{}: its directory has {} others in it, the most without the feature dir_nlink",
                    what(path), before.i_links_count - 2));
  CG_EDIT(path, with_room_in(parent, [&] { return ext2fs_mkdir(fs_, parent, made, name.c_str()); }));
  // libext2fs counts on; a count of 1 says that there are more than can be counted (dir_nlink).
  if (!counted || full)
    CG_CHECK(change_inode(parent, path, [](ext2_inode_large& inode) { inode.i_links_count = 1; }));
  CG_CHECK(change_inode(made, path, [&](ext2_inode_large& inode) {
    inode.i_mode = LINUX_S_IFDIR | 0755;  // whatever the process's umask
    put_time(inode, time);
  }));
  return made;
}

Result<ext2_ino_t> ExtEditor::make_parents(ext2_ino_t directory, const std::vector<std::string>& missing,
                                           std::int64_t time, const std::string& path) {
  ext2_inode here{};
  CG_EDIT(path, ext2fs_read_inode(fs_, directory, &here));
  if (!LINUX_S_ISDIR(here.i_mode)) return refused(what(path) + ": lies below something that is no directory");
  for (std::size_t i = 0; i + 1 < missing.size(); ++i) {
    CG_TRY(made, add_directory(directory, missing[i], time, path));
    directory = made;
  }
  return directory;
}

// One name of the inode is gone; with the last one go its blocks, its attribute block and itself.
Result<void> ExtEditor::drop_name(ext2_ino_t number, const std::string& path) {
  ext2_inode_large inode{};
  CG_EDIT(path, ext2fs_read_inode_full(fs_, number, plain(inode), sizeof inode));
  if (inode.i_links_count > 1) {
    --inode.i_links_count;
    CG_EDIT(path, ext2fs_write_inode_full(fs_, number, plain(inode), sizeof inode));
    return {};
  }
  const bool directory = LINUX_S_ISDIR(inode.i_mode);
  inode.i_links_count = 0;
  inode.i_dtime = static_cast<__u32>(target_.now);
  CG_EDIT(path, ext2fs_free_ext_attr(fs_, number, &inode));
  if (ext2fs_inode_has_valid_blocks2(fs_, plain(inode)))
    CG_EDIT(path, ext2fs_punch(fs_, number, plain(inode), nullptr, 0, ~0ULL));
  CG_EDIT(path, ext2fs_write_inode_full(fs_, number, plain(inode), sizeof inode));
  ext2fs_inode_alloc_stats2(fs_, number, -1, directory);
  return {};
}

// With all below it, the deepest first.
Result<void> ExtEditor::drop_directory(ext2_ino_t parent, ext2_ino_t top, const std::string& path) {
  struct Open {
    ext2_ino_t parent;
    ext2_ino_t number;
    std::vector<NamedInode> entries;
  };
  std::vector<Open> open;
  std::set<ext2_ino_t> seen;
  const auto enter = [&](ext2_ino_t above, ext2_ino_t number) -> Result<void> {
    // Also keeps a directory that lies in itself from being descended without end.
    if (!seen.insert(number).second)
      return refused(
          what(path) +
          ": holds a directory in more than one place; the image is damaged, run 'e2fsck -f' on it "
          "first");
    CG_TRY(entries, list_entries(fs_, number, what(path)));
    open.push_back({above, number, std::move(entries)});
    return {};
  };
  CG_CHECK(enter(parent, top));
  while (!open.empty()) {
    if (!open.back().entries.empty()) {
      const NamedInode entry = std::move(open.back().entries.back());
      open.back().entries.pop_back();
      ext2_inode inode{};
      CG_EDIT(path, ext2fs_read_inode(fs_, entry.inode, &inode));
      if (LINUX_S_ISDIR(inode.i_mode))
        CG_CHECK(enter(open.back().number, entry.inode));
      else
        CG_CHECK(drop_name(entry.inode, path));
      continue;
    }
    const auto [above, number, none] = std::move(open.back());
    open.pop_back();
    CG_CHECK(change_inode(number, path, [](ext2_inode_large& inode) { inode.i_links_count = 1; }));
    CG_CHECK(drop_name(number, path));
    // ".." is gone. A count of 1 says that the parent's are not counted (dir_nlink).
    CG_CHECK(change_inode(above, path, [](ext2_inode_large& inode) {
      if (inode.i_links_count > 2) --inode.i_links_count;
    }));
  }
  return {};
}

// `count` blocks of the file from `first` on, none of which is a hole.
Result<void> ExtEditor::place_run(ext2_ino_t number, SourceFile& source, std::uint64_t first,
                                  std::uint64_t count, const std::string& path) {
  CG_EDIT(path, ext2fs_fallocate(fs_, EXT2_FALLOCATE_FORCE_INIT, number, nullptr, ~0ULL, first, count));
  const std::uint64_t size = static_cast<std::uint64_t>(source.info.st_size);
  const std::uint64_t block = fs_->blocksize;
  const auto put = [&](std::uint64_t logical, std::uint64_t physical, std::uint64_t blocks) -> Result<void> {
    const std::uint64_t from = logical * block;
    const std::uint64_t there = std::min(blocks * block, size - from);
    const std::uint64_t whole = there / block * block;
    CG_CHECK(target_.overlay.put_file(target_.offset + physical * block, whole, source.fd.get(), from));
    if (whole == there) return {};
    std::vector<std::byte> last(block);
    CG_CHECK(FileDevice(source.fd.get(), "the source of " + path, size)
                 .read(from + whole, std::span(last).first(there - whole)));
    return target_.overlay.write(target_.offset + physical * block + whole, last);
  };
  for (std::uint64_t at = first; at < first + count;) {
    blk64_t start = 0;
    CG_EDIT(path, ext2fs_bmap2(fs_, number, nullptr, nullptr, 0, at, nullptr, &start));
    std::uint64_t run = 1;
    for (; at + run < first + count; ++run) {
      blk64_t next = 0;
      CG_EDIT(path, ext2fs_bmap2(fs_, number, nullptr, nullptr, 0, at + run, nullptr, &next));
      if (next != start + run) break;
    }
    if (start == 0) return refused(what(path) + ": a block of it could not be placed");
    CG_CHECK(put(at, start, run));
    at += run;
  }
  return {};
}

Result<void> ExtEditor::write_data(ext2_ino_t number, SourceFile& source, const std::string& path) {
  const auto size = static_cast<std::uint64_t>(source.info.st_size);
  const std::size_t block = fs_->blocksize;
  CG_CHECK(change_inode(number, path, [&](ext2_inode_large& inode) {
    inode.i_size = static_cast<__u32>(size);
    inode.i_size_high = static_cast<__u32>(size >> 32);
  }));
  if (size > UINT32_MAX && !ext2fs_has_feature_large_file(fs_->super)) {
    ext2fs_set_feature_large_file(fs_->super);
    ext2fs_mark_super_dirty(fs_);
  }
  FileDevice file(source.fd.get(), "the source of " + path, size);
  std::vector<std::byte> buffer(std::min<std::uint64_t>((size + block - 1) / block * block, 1 << 20));
  std::uint64_t first = 0;  // of the run of blocks that are no holes
  std::uint64_t count = 0;
  const auto end_run = [&]() -> Result<void> {
    if (count == 0) return {};
    CG_CHECK(place_run(number, source, first, count, path));
    count = 0;
    return {};
  };
  for (std::uint64_t at = 0; at < size; at += buffer.size()) {
    // A hole is not read; where the file system cannot say, all is data.
    const off_t data = lseek(source.fd.get(), static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data >= static_cast<off_t>(at + buffer.size())) {
      CG_CHECK(end_run());
      at = static_cast<std::uint64_t>(data) / buffer.size() * buffer.size();
    }
    const auto chunk = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - at));
    CG_CHECK(file.read(at, chunk));
    for (std::size_t from = 0; from < chunk.size(); from += block) {
      const std::uint64_t logical = (at + from) / block;
      if (is_zero(chunk.subspan(from, std::min(block, chunk.size() - from)))) {
        CG_CHECK(end_run());
        continue;
      }
      if (count++ == 0) first = logical;
    }
  }
  return end_run();
}

Result<ext2_ino_t> ExtEditor::new_file(ext2_ino_t directory, const ext2_inode_large& wanted,
                                       const std::string& path) {
  CG_TRY(number, free_inode(directory, wanted.i_mode, path));
  ext2fs_inode_alloc_stats2(fs_, number, +1, 0);
  ext2_inode_large inode = wanted;
  inode.i_links_count = 1;
  inode.i_extra_isize = static_cast<__u16>(
      EXT2_INODE_SIZE(fs_->super) > EXT2_GOOD_OLD_INODE_SIZE ? sizeof inode - EXT2_GOOD_OLD_INODE_SIZE : 0);
  const bool extents = ext2fs_has_feature_extents(fs_->super);
  if (extents) inode.i_flags |= EXT4_EXTENTS_FL;
  CG_EDIT(path, ext2fs_write_new_inode(fs_, number, plain(inode)));
  CG_EDIT(path, ext2fs_write_inode_full(fs_, number, plain(inode), sizeof inode));
  if (extents) {
    ext2_extent_handle_t handle = nullptr;
    CG_EDIT(path, ext2fs_extent_open2(fs_, number, plain(inode), &handle));  // writes an empty tree's head
    ext2fs_extent_free(handle);
    CG_EDIT(path, ext2fs_write_inode_full(fs_, number, plain(inode), sizeof inode));
  }
  return number;
}

Result<Changed> ExtEditor::inject(const Injection& injection, SourceFile& source) {
  std::string path = injection.destination;
  if (path.ends_with('/')) path += injection.source.filename().string();
  auto place = look_up(fs_, path, LastLink::follow);
  if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
  if (place->missing.empty()) {
    ext2_inode here{};
    CG_EDIT(path, ext2fs_read_inode(fs_, place->node, &here));
    if (LINUX_S_ISDIR(here.i_mode)) {
      path = without_slashes(path) + "/" + injection.source.filename().string();
      place = look_up(fs_, path, LastLink::follow);
      if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
    }
  }
  const auto size = static_cast<std::uint64_t>(source.info.st_size);
  ext2_inode_large old{};
  const bool exists = place->missing.empty();
  if (exists) {
    CG_EDIT(path, ext2fs_read_inode_full(fs_, place->node, plain(old), sizeof old));
    if (!LINUX_S_ISREG(old.i_mode)) return refused(what(path) + ": is no regular file; it is not replaced");
  }
  if (injection.existing == Injection::Existing::rewritten) {
    if (!exists) return refused(what(path) + ": no such file in the image; inject adds one");
    if (old.i_flags & EXT4_INLINE_DATA_FL)
      return refused(
          what(path) +
          ": its bytes lie in its inode (inline_data), which is not rewritten; inject replaces it");
    if (ext2fs_inode_has_valid_blocks2(fs_, plain(old)))
      CG_EDIT(path, ext2fs_punch(fs_, place->node, nullptr, nullptr, 0, ~0ULL));
    CG_CHECK(change_inode(place->node, path, [&](ext2_inode_large& inode) {
      const std::uint32_t born = inode.i_crtime;
      const std::uint32_t born_extra = inode.i_crtime_extra;
      put_time(inode, source.time(target_.newest));
      inode.i_crtime = born;
      inode.i_crtime_extra = born_extra;
      if (injection.mode) put_mode(inode, *injection.mode);
      if (injection.uid) put_owner(inode, *injection.uid, *injection.gid);
    }));
    CG_CHECK(write_data(place->node, source, path));
    return Changed{path, "rewritten", size};
  }
  const std::string name = exists ? place->name : place->missing.back();
  ext2_ino_t directory = place->parent;
  if (!exists) {
    CG_TRY(made, make_parents(place->node, place->missing, source.time(target_.newest), path));
    directory = made;
  } else {
    // The old file goes first: its blocks may be what the new one needs.
    CG_EDIT(path, ext2fs_unlink(fs_, directory, name.c_str(), 0, 0));
    CG_CHECK(drop_name(place->node, path));
  }
  ext2_inode_large inode{};
  inode.i_mode = static_cast<__u16>(LINUX_S_IFREG | (injection.mode ? *injection.mode
                                                     : exists       ? old.i_mode & 07777U
                                                                    : source.info.st_mode & 07777U));
  put_owner(inode, injection.uid.value_or(exists ? uid_of(old) : 0),
            injection.gid.value_or(exists ? gid_of(old) : 0));
  put_time(inode, source.time(target_.newest));
  CG_TRY(number, new_file(directory, inode, path));
  CG_CHECK(write_data(number, source, path));
  CG_CHECK(link(directory, name, number, EXT2_FT_REG_FILE, path));
  return Changed{path, exists ? "replaced" : "added", size};
}

Result<Changed> ExtEditor::remove(const Removal& removal) {
  const std::string path = without_slashes(removal.path);
  auto place = look_up(fs_, path, LastLink::keep);
  if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
  if (!place->missing.empty()) return refused(what(path) + ": no such file in the image");
  if (place->name.empty()) return refused(what(path) + ": the root of an image is not removed");
  if (place->node < EXT2_FIRST_INODE(fs_->super) || path == "/lost+found" || path == "lost+found")
    return refused(what(path) + ": the file system itself needs it");
  ext2_inode inode{};
  CG_EDIT(path, ext2fs_read_inode(fs_, place->node, &inode));
  if (LINUX_S_ISDIR(inode.i_mode)) {
    if (removal.depth == Removal::Depth::single) {
      CG_TRY(entries, list_entries(fs_, place->node, what(path)));
      if (!entries.empty())
        return refused(fmt::format("{}: a directory with {} entries; -r removes it with all below it",
                                   what(path), entries.size()));
    }
    CG_EDIT(path, ext2fs_unlink(fs_, place->parent, place->name.c_str(), 0, 0));
    CG_CHECK(drop_directory(place->parent, place->node, path));
  } else {
    CG_EDIT(path, ext2fs_unlink(fs_, place->parent, place->name.c_str(), 0, 0));
    CG_CHECK(drop_name(place->node, path));
  }
  return Changed{path, "removed"};
}

Result<Changed> ExtEditor::make_directory(const NewDirectory& wish) {
  const std::string path = without_slashes(wish.path);
  auto place = look_up(fs_, path, LastLink::follow);
  if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
  ext2_ino_t number = place->node;
  const bool exists = place->missing.empty();
  if (exists) {
    ext2_inode here{};
    CG_EDIT(path, ext2fs_read_inode(fs_, number, &here));
    if (!LINUX_S_ISDIR(here.i_mode)) return refused(what(path) + ": is there already, and is no directory");
  } else {
    CG_TRY(parent, make_parents(number, place->missing, target_.now, path));
    CG_TRY(made, add_directory(parent, place->missing.back(), target_.now, path));
    number = made;
  }
  CG_CHECK(change_inode(number, path, [&](ext2_inode_large& inode) {
    if (wish.mode) put_mode(inode, *wish.mode);
    if (wish.uid) put_owner(inode, *wish.uid, *wish.gid);
  }));
  return Changed{path, exists ? "kept" : "added"};
}

Result<Changed> ExtEditor::make_symlink(const NewSymlink& wish) {
  const std::string path = wish.path;
  if (wish.target.empty()) return refused(what(path) + ": a symbolic link without a target");
  if (wish.target.size() > limits::target_bytes)
    return refused(fmt::format("{}: a link target of {} bytes; the most is {}", what(path),
                               wish.target.size(), limits::target_bytes));
  auto place = look_up(fs_, path, LastLink::keep);
  if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
  const bool exists = place->missing.empty();
  ext2_ino_t directory = place->parent;
  if (exists) {
    ext2_inode here{};
    CG_EDIT(path, ext2fs_read_inode(fs_, place->node, &here));
    if (!LINUX_S_ISLNK(here.i_mode))
      return refused(what(path) + ": is there already, and is no symbolic link; remove it first");
    CG_EDIT(path, ext2fs_unlink(fs_, directory, place->name.c_str(), 0, 0));
    CG_CHECK(drop_name(place->node, path));
  } else {
    CG_TRY(made, make_parents(place->node, place->missing, target_.now, path));
    directory = made;
  }
  const std::string name = exists ? place->name : place->missing.back();
  CG_TRY(number, free_inode(directory, LINUX_S_IFLNK | 0777, path));
  CG_EDIT(path, with_room_in(directory, [&] {
            return ext2fs_symlink(fs_, directory, number, name.c_str(), wish.target.c_str());
          }));
  CG_CHECK(change_inode(number, path, [&](ext2_inode_large& inode) { put_time(inode, target_.now); }));
  return Changed{path, exists ? "replaced" : "added"};
}

Result<Changed> ExtEditor::change_mode(const ModeChange& wish) {
  CG_TRY(number, find(wish.path));
  CG_CHECK(change_inode(number, wish.path, [&](ext2_inode_large& inode) { put_mode(inode, wish.mode); }));
  return Changed{wish.path, fmt::format("has mode {:04o}", wish.mode)};
}

Result<Changed> ExtEditor::change_owner(const OwnerChange& wish) {
  CG_TRY(number, find(wish.path));
  CG_CHECK(change_inode(number, wish.path,
                        [&](ext2_inode_large& inode) { put_owner(inode, wish.uid, wish.gid); }));
  return Changed{wish.path, fmt::format("belongs to {}:{}", wish.uid, wish.gid)};
}

}  // namespace cg::image
