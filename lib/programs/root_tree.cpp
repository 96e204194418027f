#include "programs/root_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/file_at.h"
#include "base/limits.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

Result<std::string> read_host_file(const fs::path& path, std::uint64_t most) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(path.string(), errno);
  if (most >= default_read_limit) return read_fd(fd.get(), path.string(), default_read_limit);
  std::string bytes(most, '\0');
  const auto got = read_at(fd.get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!got) return cannot_errno(path.string(), got.error());
  bytes.resize(*got);
  return bytes;
}

// A node is its path, without links; the root is the empty one.
struct PathNames {
  using Node = std::string;
  const RootTree& tree;

  Node root() const { return {}; }
  Result<Node> parent(const Node& directory) const {
    return directory.substr(0, directory.empty() ? 0 : directory.rfind('/'));
  }
  Result<std::optional<PathChild<Node>>> child(const Node& directory, std::string_view name) const {
    PathChild<Node> child{fmt::format("{}/{}", directory, name), PathKind::other, {}};
    CG_TRY(entry, tree.entry(child.node));
    if (!entry) return std::nullopt;
    if (entry->kind == FileKind::directory) child.kind = PathKind::directory;
    if (entry->kind == FileKind::link) {
      child.kind = PathKind::link;
      child.target = std::move(entry->target);
    }
    return child;
  }
};

}  // namespace

Result<Resolved> resolve(const RootTree& tree, std::string_view path, LastLink last) {
  if (path.size() > limits::program_path_bytes)
    return refused(fmt::format("{}…: a path of {} bytes; the most is {}", path.substr(0, 64), path.size(),
                               limits::program_path_bytes));
  CG_TRY(end, walk_path(PathNames{tree}, path, last));
  std::string at = std::move(end.node);
  for (const auto& name : end.missing) at += "/" + name;
  if (!end.missing.empty()) return Resolved{std::move(at), std::nullopt};
  if (at.empty()) at = "/";
  CG_TRY(entry, tree.entry(at));
  return Resolved{std::move(at), std::move(entry)};
}

Result<std::optional<TreeEntry>> HostTree::entry(const std::string& path) const {
  struct stat info {};
  const fs::path real = host_path(path);
  if (lstat(real.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return cannot_errno(real.string(), errno);
  }
  TreeEntry entry{.kind = S_ISREG(info.st_mode)   ? FileKind::regular
                          : S_ISDIR(info.st_mode) ? FileKind::directory
                          : S_ISLNK(info.st_mode) ? FileKind::link
                                                  : FileKind::other,
                  .mode = info.st_mode & 07777U,
                  .size = static_cast<std::uint64_t>(info.st_size),
                  .target = {}};
  if (entry.kind == FileKind::link) {
    std::error_code error;
    entry.target = fs::read_symlink(real, error).string();
    if (error) return cannot(real.string() + ": " + error.message());
  }
  return entry;
}

Result<std::vector<std::string>> HostTree::names(const std::string& directory) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(host_path(directory), error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  if (error) return cannot(host_path(directory).string() + ": " + error.message());
  std::ranges::sort(names);
  return names;
}

Result<std::string> HostTree::read(const std::string& path, std::uint64_t most) const {
  return read_host_file(host_path(path), most);
}

void LayeredTree::put(const std::string& path, Added added) {
  added_.insert_or_assign(path, std::move(added));
  for (std::size_t slash = path.rfind('/'); slash != 0 && slash != std::string::npos;
       slash = path.rfind('/', slash - 1))
    added_.try_emplace(path.substr(0, slash), Added{{.kind = FileKind::directory, .mode = 0755}, {}});
}

Result<void> LayeredTree::add(const std::string& path, const fs::path& source) {
  std::error_code error;
  const auto size = fs::file_size(source, error);
  if (error) return cannot(source.string() + ": " + error.message());
  put(path, {{.kind = FileKind::regular, .mode = 0755, .size = size, .target = {}}, source});
  return {};
}

Result<void> LayeredTree::add_link(const std::string& path, const std::string& target) {
  put(path, {{.kind = FileKind::link, .mode = 0777, .size = target.size(), .target = target}, {}});
  return {};
}

const fs::path* LayeredTree::source_of(const std::string& path) const {
  const auto found = added_.find(path);
  return found != added_.end() && !found->second.source.empty() ? &found->second.source : nullptr;
}

Result<std::optional<TreeEntry>> LayeredTree::entry(const std::string& path) const {
  if (const auto found = added_.find(path); found != added_.end()) return found->second.entry;
  return below_.entry(path);
}

Result<std::vector<std::string>> LayeredTree::names(const std::string& directory) const {
  std::vector<std::string> names;
  CG_TRY(below, below_.entry(directory));
  if (below && below->kind == FileKind::directory) {
    CG_TRY(there, below_.names(directory));
    names = std::move(there);
  }
  const std::string prefix = directory == "/" ? "/" : directory + "/";
  for (auto at = added_.lower_bound(prefix); at != added_.end() && at->first.starts_with(prefix); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(prefix.size());
    if (!rest.contains('/')) names.emplace_back(rest);
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Result<std::string> LayeredTree::read(const std::string& path, std::uint64_t most) const {
  if (const auto* source = source_of(path)) return read_host_file(*source, most);
  return below_.read(path, most);
}

}  // namespace cg
