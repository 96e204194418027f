#include "image/sources/directory_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <functional>
#include <memory>

#include "image/bytes/block.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_bytes = 256 << 10;  // of a batch
constexpr std::size_t most_entries = 256;      // of a batch
constexpr std::uint64_t most_made_up = 4096;   // bytes that a made-up file claims to have

// Of an open file, or of one that cannot be opened by its path.
struct XattrsOf {
  int fd = -1;
  const char* path = nullptr;

  ssize_t list(char* names, std::size_t size) const {
    return path ? llistxattr(path, names, size) : flistxattr(fd, names, size);
  }
  ssize_t get(const char* name, void* value, std::size_t size) const {
    return path ? lgetxattr(path, name, value, size) : fgetxattr(fd, name, value, size);
  }
};

Result<std::vector<Xattr>> read_xattrs(const XattrsOf& file, const std::string& name_of_file) {
  std::vector<Xattr> xattrs;
  const ssize_t size = file.list(nullptr, 0);
  if (size == 0 || (size < 0 && (errno == ENOTSUP || errno == EACCES))) return xattrs;
  if (size < 0) return cannot_errno("attributes of " + name_of_file, errno);
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t listed = file.list(names.data(), names.size());
  if (listed < 0) return cannot_errno("attributes of " + name_of_file, errno);
  names.resize(static_cast<std::size_t>(listed));
  for (std::size_t at = 0; at < names.size();) {
    std::string name = names.c_str() + at;
    at += name.size() + 1;
    std::string value(65536, '\0');
    const ssize_t got = file.get(name.c_str(), value.data(), value.size());
    if (got < 0 && (errno == ENODATA || errno == EPERM)) continue;
    if (got < 0) return cannot_errno(fmt::format("attribute {} of {}", name, name_of_file), errno);
    value.resize(static_cast<std::size_t>(got));
    // Given by the security module or the file system to every file of the machine; not the tree's own.
    if (name == "security.selinux" || name.starts_with("btrfs.") || name.starts_with("bcachefs")) continue;
    xattrs.push_back({std::move(name), std::move(value)});
  }
  std::ranges::sort(xattrs, {}, &Xattr::name);
  return xattrs;
}

Result<std::string> read_link(int parent, const char* name, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = readlinkat(parent, name, target.data(), target.size());
  if (size < 0) return cannot_errno(path, errno);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<std::vector<HostName>> read_names(int fd, const std::string& path) {
  const int own = dup(fd);
  DIR* const raw = own < 0 ? nullptr : fdopendir(own);
  if (!raw) {
    const int error = errno;
    if (own >= 0) close(own);
    return cannot_errno(path, error);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(raw, closedir);
  std::vector<HostName> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(directory.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.push_back({std::string(name), entry->d_type});
  }
  if (errno != 0) return cannot_errno(path, errno);
  std::ranges::sort(names, std::greater<>(), &HostName::name);
  return names;
}

UniqueFd open_at(int parent, const char* name, int flags) {
  return UniqueFd(openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags));
}

}  // namespace

DirectoryReader::DirectoryReader(fs::path directory, Contents contents)
    : directory_(directory.string()), contents_(contents) {}

HostEntry DirectoryReader::entry(const struct stat& info) const {
  HostEntry made{.path = path_, .first = {}, .meta = {}};
  made.meta.type = node_type(info.st_mode).value_or(NodeType::regular);
  made.meta.mode = info.st_mode & 07777;
  made.meta.uid = info.st_uid;
  made.meta.gid = info.st_gid;
  made.meta.mtime = {info.st_mtim.tv_sec, static_cast<std::uint32_t>(info.st_mtim.tv_nsec)};
  if (made.meta.type == NodeType::character_device || made.meta.type == NodeType::block_device) {
    made.meta.device_major = major(info.st_rdev);
    made.meta.device_minor = minor(info.st_rdev);
  }
  if (made.meta.type == NodeType::regular) made.size = static_cast<std::uint64_t>(info.st_size);
  return made;
}

bool DirectoryReader::is_another_name(HostBatch& batch, const struct stat& info) {
  if (S_ISDIR(info.st_mode) || info.st_nlink <= 1) return false;
  const auto [known, first] = several_names_.try_emplace({info.st_dev, info.st_ino}, path_);
  if (!first) batch.entries.push_back({.path = path_, .first = known->second, .meta = {}});
  return !first;
}

Result<void> DirectoryReader::enter(HostBatch& batch, UniqueFd fd) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return cannot_errno(host_path(), errno);
  HostEntry made = entry(info);
  CG_TRY(xattrs, read_xattrs({.fd = fd.get()}, host_path()));
  made.meta.xattrs = std::move(xattrs);
  batch.entries.push_back(std::move(made));
  CG_TRY(names, read_names(fd.get(), host_path()));
  if (!levels_.empty()) levels_.back().fd.reset();
  levels_.push_back({std::move(fd), {info.st_dev, info.st_ino}, path_.size(), std::move(names)});
  return {};
}

// What has to be looked at without opening it: opening would wait for it, change it, or is not allowed.
Result<void> DirectoryReader::add_unopened(HostBatch& batch, int parent, const std::string& name) {
  struct stat info {};
  if (fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return cannot_errno(host_path(), errno);
  if (!node_type(info.st_mode)) return refused(host_path() + ": a file of unknown type");
  if (is_another_name(batch, info)) return {};
  HostEntry made = entry(info);
  const std::string path = host_path();
  CG_TRY(xattrs, read_xattrs({.path = path.c_str()}, path));
  made.meta.xattrs = std::move(xattrs);
  if (made.meta.type == NodeType::symlink) {
    CG_TRY(target, read_link(parent, name.c_str(), path));
    made.meta.target = std::move(target);
  }
  if (made.size > 0 && contents_ == Contents::read) return cannot_errno(path, EACCES);
  batch.entries.push_back(std::move(made));
  return {};
}

Result<void> DirectoryReader::add_file(HostBatch& batch, int parent, const std::string& name) {
  // It may have become a FIFO since it was listed.
  UniqueFd fd = open_at(parent, name.c_str(), O_NONBLOCK);
  if (!fd && errno == EACCES) return add_unopened(batch, parent, name);
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) return cannot_errno(host_path(), errno);
  if (!S_ISREG(info.st_mode)) return cannot(host_path() + ": became another kind of file while it was read");
  if (is_another_name(batch, info)) return {};
  HostEntry made = entry(info);
  CG_TRY(xattrs, read_xattrs({.fd = fd.get()}, host_path()));
  made.meta.xattrs = std::move(xattrs);
  // Without blocks: empty, or made up by the kernel while it is read, with a size of 0 (/proc) or of a page
  // (/sys).
  if (info.st_blocks == 0 && made.size <= most_made_up) {
    CG_TRY(bytes, read_fd(fd.get(), host_path()));
    made.size = bytes.size();
    if (!bytes.empty()) made.bytes = std::move(bytes);
  } else if (contents_ == Contents::read) {
    file_.emplace(std::move(fd), host_path(), made.size);
  }
  batch.entries.push_back(std::move(made));
  return {};
}

// The next name of the innermost directory.
Result<void> DirectoryReader::step(HostBatch& batch) {
  Level& level = levels_.back();
  path_.resize(level.path_length);
  if (!level.fd) {
    level.fd.reset(
        open(host_path().c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY | (path_.empty() ? 0 : O_NOFOLLOW)));
    struct stat info {};
    if (!level.fd || fstat(level.fd.get(), &info) != 0) return cannot_errno(host_path(), errno);
    // By its path it may be another one now, behind a link that leads out of the tree.
    if (level.identity != std::pair(info.st_dev, info.st_ino))
      return cannot(host_path() + ": became another directory while it was read");
  }
  auto [name, type] = std::move(level.names.back());
  level.names.pop_back();
  path_ += '/' + name;
  if (type == DT_UNKNOWN) {
    struct stat info {};
    if (fstatat(level.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return cannot_errno(host_path(), errno);
    type = IFTODT(info.st_mode);
  }
  if (type == DT_REG) return add_file(batch, level.fd.get(), name);
  if (type != DT_DIR) return add_unopened(batch, level.fd.get(), name);
  UniqueFd below = open_at(level.fd.get(), name.c_str(), O_DIRECTORY);
  if (!below) return cannot_errno(host_path(), errno);
  return enter(batch, std::move(below));
}

Result<bool> DirectoryReader::read(HostBatch& batch) {
  batch.entries.clear();
  batch.pieces.clear();
  batch.bytes.resize(most_bytes);
  std::size_t used = 0;
  while (batch.entries.size() < most_entries) {
    if (file_) {
      // Whole blocks, so that the next piece begins at one.
      const std::size_t room = (most_bytes - used) / block_size * block_size;
      if (room == 0) break;
      CG_TRY(piece, file_->next(std::span(batch.bytes).subspan(used, room)));
      if (piece.count > 0) batch.pieces.push_back({batch.entries.size(), piece.offset, used, piece.count});
      used += piece.count;
      if (file_->at_end()) file_.reset();
    } else if (!begun_) {
      begun_ = true;
      UniqueFd root(open(directory_.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
      if (!root) return cannot_errno(directory_, errno);
      CG_CHECK(enter(batch, std::move(root)));
    } else if (levels_.empty()) {
      break;
    } else if (levels_.back().names.empty()) {
      levels_.pop_back();
    } else {
      CG_CHECK(step(batch));
    }
  }
  return !batch.entries.empty() || !batch.pieces.empty();
}

}  // namespace cg::image
