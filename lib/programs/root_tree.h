// Files as they are seen from a root that is not this process's own: an image's, a directory's of the host,
// and such a tree with files laid over it that are not there yet. Links are followed inside, never out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/path_walk.h"
#include "base/result.h"

namespace cg {

enum class FileKind { regular, directory, link, other };

struct TreeEntry {
  FileKind kind = FileKind::regular;
  std::uint32_t mode = 0;  // permission bits
  std::uint64_t size = 0;
  std::string target;  // of a link
};

// All paths are absolute, and no directory on them is a link: resolve() makes them so.
class RootTree {
 public:
  virtual ~RootTree() = default;
  // nullopt: there is nothing of that name.
  virtual Result<std::optional<TreeEntry>> entry(const std::string& path) const = 0;
  virtual Result<std::vector<std::string>> names(const std::string& directory) const = 0;  // sorted
  // The first `most` bytes of a regular file.
  virtual Result<std::string> read(const std::string& path, std::uint64_t most = UINT64_MAX) const = 0;
};

struct Resolved {
  std::string path;  // with the links on the way followed; what does not exist is taken as it stands
  std::optional<TreeEntry> entry;  // of `path`; empty: it does not exist
};
// Refused: a component below something that is no directory, or more than 40 links.
Result<Resolved> resolve(const RootTree& tree, std::string_view path, LastLink last = LastLink::follow);

// A directory of the host taken as the root; "/" is the host itself.
class HostTree : public RootTree {
 public:
  explicit HostTree(std::filesystem::path root) : root_(std::move(root)) {}
  Result<std::optional<TreeEntry>> entry(const std::string& path) const override;
  Result<std::vector<std::string>> names(const std::string& directory) const override;
  Result<std::string> read(const std::string& path, std::uint64_t most) const override;
  std::filesystem::path host_path(const std::string& path) const { return root_ / path.substr(1); }

 private:
  std::filesystem::path root_;
};

// Another tree with files of the host laid over it.
class LayeredTree : public RootTree {
 public:
  explicit LayeredTree(const RootTree& below) : below_(below) {}
  // `path` as resolve() gives it. Missing directories above are there from then on.
  Result<void> add(const std::string& path, const std::filesystem::path& source);
  Result<void> add_link(const std::string& path, const std::string& target);
  // The host's file that lies there; nullptr: it is the tree's below.
  const std::filesystem::path* source_of(const std::string& path) const;

  Result<std::optional<TreeEntry>> entry(const std::string& path) const override;
  Result<std::vector<std::string>> names(const std::string& directory) const override;
  Result<std::string> read(const std::string& path, std::uint64_t most) const override;

 private:
  struct Added {
    TreeEntry entry;
    std::filesystem::path source;
  };
  void put(const std::string& path, Added added);

  const RootTree& below_;
  std::map<std::string, Added> added_;
};

}  // namespace cg
