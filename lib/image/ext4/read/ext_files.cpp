#include "image/ext4/read/ext_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <span>

#include "image/disk/uuid.h"
#include "image/ext4/read/blocks.h"
#include "image/ext4/read/ext2_error.h"
#include "image/ext4/read/features.h"
#include "image/ext4/read/lookup.h"
#include "image/ext4/read/xattr.h"

namespace cg::image {
namespace {

Timestamp timestamp(std::uint32_t seconds, std::uint32_t extra) {
  return {static_cast<std::int32_t>(seconds) + (static_cast<std::int64_t>(extra & 3) << 32), extra >> 2};
}

}  // namespace

ImageInfo ExtFiles::info() const {
  const ext2_super_block& super = *fs_->super;
  ImageInfo info{.block_size = fs_->blocksize,
                 .blocks = ext2fs_blocks_count(fs_->super),
                 .free_blocks = ext2fs_free_blocks_count(fs_->super),
                 .inodes = super.s_inodes_count,
                 .free_inodes = super.s_free_inodes_count};
  info.bytes = info.blocks * info.block_size;
  for (dgrp_t group = 0; group < fs_->group_desc_count; ++group)
    info.directories += ext2fs_bg_used_dirs_count(fs_, group);
  Uuid uuid{};
  std::copy_n(super.s_uuid, uuid.size(), uuid.begin());
  info.uuid = to_string(uuid);
  const auto* label = reinterpret_cast<const char*>(super.s_volume_name);
  info.label.assign(label, strnlen(label, sizeof super.s_volume_name));
  if (ext2fs_has_feature_journal_needs_recovery(fs_->super))
    info.state = "journal to be replayed";
  else if (super.s_state & EXT2_ERROR_FS)
    info.state = "has errors";
  else
    info.state = super.s_state & EXT2_VALID_FS ? "clean" : "not clean";
  info.features = feature_names(super);
  return info;
}

Result<FileInfo> ExtFiles::info_of(std::uint32_t number, std::string_view path) const {
  ext2_inode_large inode{};
  CG_EXT2(fmt::format("{}: {}", name_, path),
          ext2fs_read_inode_full(fs_, number, reinterpret_cast<ext2_inode*>(&inode), sizeof inode));
  FileInfo info{.inode = number, .size = EXT2_I_SIZE(&inode), .links = inode.i_links_count};
  info.meta.type = node_type(inode.i_mode).value_or(NodeType::regular);
  info.meta.mode = inode.i_mode & 07777;
  info.meta.uid = inode.i_uid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_uid_high) << 16;
  info.meta.gid = inode.i_gid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_gid_high) << 16;
  info.meta.mtime = timestamp(inode.i_mtime, inode.i_extra_isize >= 12 ? inode.i_mtime_extra : 0);
  if (info.meta.type == NodeType::symlink) {
    CG_TRY(target, read_link(fs_, number, std::string(path)));
    info.meta.target = std::move(target);
  }
  if (info.meta.type == NodeType::character_device || info.meta.type == NodeType::block_device) {
    const std::uint32_t small = inode.i_block[0];
    const std::uint32_t large = inode.i_block[1];
    info.meta.device_major = small ? small >> 8 & 0xff : large >> 8 & 0xfff;
    info.meta.device_minor = small ? small & 0xff : (large & 0xff) | (large >> 12 & 0xfff00);
  }
  return info;
}

// A walk asks for each name of a directory that it has just listed, several times: libext2fs would search the
// directory from its beginning each time.
std::optional<std::uint32_t> ExtFiles::listed(std::string_view path) const {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto directory =
      std::ranges::find(listed_, path.substr(0, std::max<std::size_t>(slash, 1)), &Listed::path);
  if (directory == listed_.end()) return std::nullopt;
  const std::string_view name = path.substr(slash + 1);
  const auto found = std::ranges::lower_bound(directory->entries, name, {}, &NamedInode::name);
  return found != directory->entries.end() && found->name == name ? std::optional(found->inode)
                                                                  : std::nullopt;
}

void ExtFiles::remember(std::string_view path, std::vector<NamedInode> entries) const {
  if (entries.empty()) return;
  std::erase_if(listed_, [&](const Listed& listed) { return listed.path == path; });
  const auto size_of = [](const Listed& listed) { return listed.entries.size(); };
  std::size_t all = entries.size();
  for (const Listed& listed : listed_) all += listed.entries.size();
  while (!listed_.empty() && (listed_.size() >= most_listed || all > most_listed_entries)) {
    const auto smallest = std::ranges::min_element(listed_, {}, size_of);
    all -= smallest->entries.size();
    listed_.erase(smallest);
  }
  listed_.push_back({std::string(path), std::move(entries)});
}

Result<FileInfo> ExtFiles::stat(std::string_view path, LastLink last) const {
  if (const auto inode = listed(path)) {
    CG_TRY(info, info_of(*inode, path));
    if (last == LastLink::keep || info.meta.type != NodeType::symlink) return info;
  }
  auto found = look_up(fs_, path, last, &trail_);
  if (!found) return std::unexpected(Error{found.error().kind, name_ + ": " + found.error().message});
  if (!found->missing.empty()) return refused(fmt::format("{}: {}: no such file in the image", name_, path));
  return info_of(found->node, path);
}

Result<std::vector<DirectoryItem>> ExtFiles::list(std::string_view path) const {
  CG_TRY(directory, stat(path, LastLink::follow));
  std::vector<DirectoryItem> items;
  if (directory.meta.type != NodeType::directory)
    return refused(fmt::format("{}: {}: not a directory", name_, path));
  CG_TRY(entries, list_entries(fs_, directory.inode, fmt::format("{}: {}", name_, path)));
  std::ranges::sort(entries, {}, &NamedInode::name);
  for (const auto& [name, inode] : entries) {
    CG_TRY(info, info_of(inode, fmt::format("{}/{}", path, name)));
    items.push_back({name, std::move(info)});
  }
  remember(path, std::move(entries));
  return items;
}

Result<void> ExtFiles::read(std::string_view path, std::span<const DataRange> ranges,
                            const PieceSink& sink) const {
  CG_TRY(info, stat(path, LastLink::follow));
  if (info.meta.type != NodeType::regular)
    return refused(fmt::format("{}: {}: a {}, not a file", name_, path, to_string(info.meta.type)));
  const std::string what = fmt::format("{}: {}", name_, path);
  ext2_file_t file = nullptr;
  CG_EXT2(what, ext2fs_file_open(fs_, info.inode, 0, &file));
  const std::unique_ptr<ext2_file, void (*)(ext2_file*)> owner(
      file, [](ext2_file* open) { ext2fs_file_close(open); });
  std::string buffer;
  for (const DataRange& range : ranges) {
    CG_EXT2(what, ext2fs_file_llseek(file, range.offset, EXT2_SEEK_SET, nullptr));
    for (std::uint64_t done = 0; done < range.bytes;) {
      buffer.resize(std::min<std::uint64_t>(range.bytes - done, 1 << 20));
      unsigned got = 0;
      CG_EXT2(what, ext2fs_file_read(file, buffer.data(), static_cast<unsigned>(buffer.size()), &got));
      if (got == 0) return refused(what + ": ends before its size");
      CG_CHECK(sink(range.offset + done, std::string_view(buffer).substr(0, got)));
      done += got;
    }
  }
  return {};
}

Result<std::vector<DataRange>> ExtFiles::data(std::string_view path) const {
  CG_TRY(info, stat(path, LastLink::follow));
  const std::string what = fmt::format("{}: {}", name_, path);
  ext2_inode inode{};
  CG_EXT2(what, ext2fs_read_inode(fs_, info.inode, &inode));
  std::vector<DataRange> ranges;
  if (!ext2fs_inode_has_valid_blocks2(fs_, &inode)) {
    if (info.size > 0) ranges.push_back({0, info.size});
    return ranges;
  }
  struct State {
    std::vector<DataRange>& ranges;
    std::uint64_t block;
    std::uint64_t size;
    bool is_ordered = true;
  } state{ranges, fs_->blocksize, info.size};
  const auto collect = [](ext2_filsys, blk64_t*, e2_blkcnt_t logical, blk64_t, int, void* data) {
    auto& [ranges, block, size, is_ordered] = *static_cast<State*>(data);
    const std::uint64_t at = static_cast<std::uint64_t>(logical) * block;
    if (at >= size) return 0;  // kept for the file to grow into
    const std::uint64_t bytes = std::min(block, size - at);
    if (!ranges.empty() && at < ranges.back().offset + ranges.back().bytes) {
      is_ordered = false;
      return BLOCK_ABORT;
    }
    if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == at)
      ranges.back().bytes += bytes;
    else
      ranges.push_back({at, bytes});
    return 0;
  };
  CG_EXT2(what, iterate_blocks(fs_, info.inode, BLOCK_FLAG_DATA_ONLY, collect, &state));
  if (!state.is_ordered) return refused(what + ": damaged: it has a block twice");
  return ranges;
}

Result<std::vector<Xattr>> ExtFiles::xattrs(std::string_view path) const {
  CG_TRY(info, stat(path, LastLink::keep));
  const std::string what = fmt::format("{}: attributes of {}", name_, path);
  ext2_xattr_handle* handle = nullptr;
  CG_EXT2(what, ext2fs_xattrs_open(fs_, info.inode, &handle));
  const std::unique_ptr<ext2_xattr_handle, void (*)(ext2_xattr_handle*)> owner(
      handle, [](ext2_xattr_handle* open) { ext2fs_xattrs_close(&open); });
  CG_EXT2(what, ext2fs_xattrs_read(handle));
  std::vector<Xattr> result;
  const auto collect = [](char* name, char* value, std::size_t size, void* data) {
    static_cast<std::vector<Xattr>*>(data)->push_back({name, std::string(value, size)});
    return 0;
  };
  CG_EXT2(what, ext2fs_xattrs_iterate(handle, collect, &result));
  for (Xattr& xattr : result) {
    if (!xattr.name.starts_with("system.posix_acl_")) continue;
    auto acl = acl_from_disk(xattr.value);
    if (!acl) return refused(fmt::format("{}: {} is damaged", what, xattr.name));
    xattr.value = std::move(*acl);
  }
  std::ranges::sort(result, {}, &Xattr::name);
  return result;
}

Result<std::unique_ptr<ExtFiles>> open_ext_files(Window& window) {
  CG_TRY(fs, open_ext(window, EXT2_FLAG_SOFTSUPP_FEATURES));
  return std::make_unique<ExtFiles>(std::move(fs), window.name());
}

}  // namespace cg::image
