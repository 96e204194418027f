#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "image/sources.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

Result<std::vector<Xattr>> read_xattrs(const fs::path& path) {
  std::vector<Xattr> xattrs;
  const ssize_t size = llistxattr(path.c_str(), nullptr, 0);
  if (size == 0 || (size < 0 && (errno == ENOTSUP || errno == EACCES))) return xattrs;
  if (size < 0) return cannot_errno("attributes of " + path.string(), errno);
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t listed = llistxattr(path.c_str(), names.data(), names.size());
  if (listed < 0) return cannot_errno("attributes of " + path.string(), errno);
  names.resize(static_cast<std::size_t>(listed));
  for (std::size_t at = 0; at < names.size();) {
    std::string name = names.c_str() + at;
    at += name.size() + 1;
    std::string value(65536, '\0');
    const ssize_t got = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (got < 0 && (errno == ENODATA || errno == EPERM)) continue;
    if (got < 0) return cannot_errno(fmt::format("attribute {} of {}", name, path.string()), errno);
    value.resize(static_cast<std::size_t>(got));
    // Given by the security module to every file of the machine; not the tree's own.
    if (name == "security.selinux") continue;
    xattrs.push_back({std::move(name), std::move(value)});
  }
  std::ranges::sort(xattrs, {}, &Xattr::name);
  return xattrs;
}

class Walk {
 public:
  explicit Walk(ImageBuilder& builder) : builder_(builder) {}

  Result<void> visit(const fs::path& host, const std::string& path, bool follow) {
    struct stat info {};
    if ((follow ? stat(host.c_str(), &info) : lstat(host.c_str(), &info)) != 0)
      return cannot_errno(host.string(), errno);
    const auto type = node_type(info.st_mode);
    if (!type) return refused(host.string() + ": a file of unknown type");
    if (*type != NodeType::directory && info.st_nlink > 1) {
      const auto [known, first_name] = names_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!first_name) return builder_.tree().add_hard_link(path, known->second);
    }
    Metadata meta{.type = *type,
                  .mode = info.st_mode & 07777,
                  .uid = info.st_uid,
                  .gid = info.st_gid,
                  .mtime = {info.st_mtim.tv_sec, static_cast<std::uint32_t>(info.st_mtim.tv_nsec)}};
    CG_TRY(xattrs, read_xattrs(host));
    meta.xattrs = std::move(xattrs);
    if (*type == NodeType::symlink) {
      std::error_code error;
      meta.target = fs::read_symlink(host, error).string();
      if (error) return cannot(host.string() + ": " + error.message());
    }
    if (*type == NodeType::character_device || *type == NodeType::block_device) {
      meta.device_major = major(info.st_rdev);
      meta.device_minor = minor(info.st_rdev);
    }
    CG_TRY(index, builder_.tree().add(path, std::move(meta)));
    if (*type == NodeType::regular)
      builder_.set_host_file(index, host, static_cast<std::uint64_t>(info.st_size));
    if (*type != NodeType::directory) return {};
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(host, error), end; !error && it != end; it.increment(error))
      names.push_back(it->path().filename().string());
    if (error) return cannot(host.string() + ": " + error.message());
    std::ranges::sort(names);
    for (const auto& name : names) CG_CHECK(visit(host / name, path + "/" + name, false));
    return {};
  }

 private:
  ImageBuilder& builder_;
  std::map<std::pair<dev_t, ino_t>, std::string> names_;  // of files with more than one
};

}  // namespace

Result<void> add_directory(ImageBuilder& builder, const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return cannot(directory.string() + ": not a directory");
  builder.tree().begin_layer();
  return Walk(builder).visit(directory, "", true);
}

}  // namespace cg::image
