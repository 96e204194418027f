#include "image/ext4/read/lookup.h"

#include <fmt/format.h>

#include "image/ext4/read/ext2_error.h"

namespace cg::image {
Result<std::vector<NamedInode>> list_entries(ext2_filsys fs, ext2_ino_t directory, const std::string& name) {
  struct Found {
    std::vector<NamedInode> entries;
    bool self = false;
  } found;
  const auto collect = [](ext2_dir_entry* entry, int, int, char*, void* data) {
    auto& into = *static_cast<Found*>(data);
    std::string text(entry->name, static_cast<std::size_t>(ext2fs_dirent_name_len(entry)));
    if (text == ".")
      into.self = true;
    else if (text != "..")
      into.entries.push_back({std::move(text), entry->inode});
    return 0;
  };
  CG_EXT2(name, ext2fs_dir_iterate(fs, directory, 0, nullptr, collect, &found));
  // libext2fs reports success when it could not read the directory's blocks for want of memory.
  if (!found.self) return refused(name + ": a directory without \".\", or one that could not be read");
  return std::move(found.entries);
}

Result<std::string> read_link(ext2_filsys fs, ext2_ino_t number, const std::string& name) {
  ext2_inode inode{};
  CG_EXT2(name, ext2fs_read_inode(fs, number, &inode));
  const std::uint64_t size = EXT2_I_SIZE(&inode);
  if (ext2fs_is_fast_symlink(&inode)) {
    if (size > sizeof inode.i_block) return refused(name + ": a damaged symbolic link");
    return std::string(reinterpret_cast<const char*>(inode.i_block), size);
  }
  if (size > 65536) return refused(name + ": a damaged symbolic link");
  ext2_file_t file = nullptr;
  CG_EXT2(name, ext2fs_file_open2(fs, number, &inode, 0, &file));
  std::string target(size, '\0');
  unsigned got = 0;
  const errcode_t code = ext2fs_file_read(file, target.data(), static_cast<unsigned>(size), &got);
  ext2fs_file_close(file);
  if (code) return ext2_error(name, code);
  target.resize(got);
  return target;
}

namespace {

struct ExtNames {
  using Node = ext2_ino_t;
  ext2_filsys fs;

  Node root() const { return EXT2_ROOT_INO; }
  Result<Node> parent(Node directory) const {
    ext2_ino_t above = 0;
    CG_EXT2("..", ext2fs_lookup(fs, directory, "..", 2, nullptr, &above));
    return above;
  }
  Result<std::optional<PathChild<Node>>> child(Node directory, std::string_view name) const {
    ext2_ino_t number = 0;
    // "Not found" is also what libext2fs says when it could not look; what is missing is asked for twice.
    errcode_t code = 0;
    for (int times = 0; times < 2 && (times == 0 || code == EXT2_ET_FILE_NOT_FOUND); ++times)
      code = ext2fs_lookup(fs, directory, name.data(), static_cast<int>(name.size()), nullptr, &number);
    if (code == EXT2_ET_FILE_NOT_FOUND) return std::nullopt;
    if (code) return ext2_error(fmt::format("looking up '{}'", name), code);
    ext2_inode inode{};
    CG_EXT2(std::string(name), ext2fs_read_inode(fs, number, &inode));
    PathChild<Node> child{number, PathKind::other, {}};
    if (LINUX_S_ISDIR(inode.i_mode)) child.kind = PathKind::directory;
    if (LINUX_S_ISLNK(inode.i_mode)) {
      CG_TRY(target, read_link(fs, number, std::string(name)));
      child.kind = PathKind::link;
      child.target = std::move(target);
    }
    return child;
  }
};

}  // namespace

Result<Lookup> look_up(ext2_filsys fs, std::string_view path, LastLink last, Trail* trail) {
  auto end = walk_path(ExtNames{fs}, path, last, trail);
  if (end || end.error().message.starts_with(path)) return end;
  return std::unexpected(Error{end.error().kind, fmt::format("{}: {}", path, end.error().message)});
}

}  // namespace cg::image
