#include "image/ext4/read/lookup.h"

#include <fmt/format.h>

#include <deque>

#include "image/ext4/read/ext2_error.h"
#include "image/tree/image_path.h"

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

Result<Lookup> look_up(ext2_filsys fs, std::string_view path, FinalLink final_link) {
  std::deque<std::string> rest;
  push_front(rest, path);
  Lookup result{.inode = EXT2_ROOT_INO, .missing = {}, .parent = EXT2_ROOT_INO, .name = {}};
  int links = 0;
  while (!rest.empty()) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name.size() > 255)
      return refused(fmt::format("{}: a name of {} bytes; the most is 255", path, name.size()));
    ext2_inode here{};
    CG_EXT2(std::string(path), ext2fs_read_inode(fs, result.inode, &here));
    if (!LINUX_S_ISDIR(here.i_mode))
      return refused(fmt::format("{}: '{}' lies below something that is no directory", path, name));
    ext2_ino_t child = 0;
    // "Not found" is also what libext2fs says when it could not look; what is missing is asked for twice.
    errcode_t code = 0;
    for (int times = 0; times < 2 && (times == 0 || code == EXT2_ET_FILE_NOT_FOUND); ++times)
      code = ext2fs_lookup(fs, result.inode, name.data(), static_cast<int>(name.size()), nullptr, &child);
    if (code == EXT2_ET_FILE_NOT_FOUND) {
      // Below something missing ".." has no meaning that could be checked.
      result.missing.push_back(name);
      for (auto& part : rest) {
        if (part == "..")
          return refused(fmt::format("{}: '..' below '{}', which does not exist", path, name));
        result.missing.push_back(std::move(part));
      }
      result.parent = 0;
      return result;
    }
    if (code) return ext2_error(fmt::format("{}: looking up '{}'", path, name), code);
    ext2_inode inode{};
    CG_EXT2(std::string(path), ext2fs_read_inode(fs, child, &inode));
    if (LINUX_S_ISLNK(inode.i_mode) && !(rest.empty() && final_link == FinalLink::keep)) {
      if (++links > most_links)
        return refused(fmt::format("{}: more than {} symbolic links; a loop", path, most_links));
      CG_TRY(target, read_link(fs, child, std::string(path)));
      if (target.starts_with('/')) result.inode = EXT2_ROOT_INO;
      push_front(rest, target);
      result.name.clear();
      continue;
    }
    result.parent = result.inode;
    result.name = name;
    result.inode = child;
  }
  return result;
}

}  // namespace cg::image
