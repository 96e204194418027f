// The tree that an image will hold, before it has blocks: inodes with names, filled entry by entry from a
// directory, a tar or a recipe. A later entry with the same path replaces an earlier one. Where an entry lies
// below a symbolic link, the link is followed inside the tree and never out of it; docs/hostile-input.md has
// the whole policy.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace cg::image {

struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

enum class NodeType { regular, directory, symlink, character_device, block_device, fifo, socket };
// S_IFREG, S_IFDIR, ...: the bits of st_mode and i_mode that say it.
std::uint16_t type_bits(NodeType type);
std::optional<NodeType> node_type(std::uint32_t mode);  // what these bits of `mode` say
std::string_view to_string(NodeType type);              // "file", "directory", …

struct Xattr {
  std::string name;  // with its prefix: "security.capability"
  std::string value;
};

struct Metadata {
  NodeType type = NodeType::regular;
  std::uint32_t mode = 0644;  // permission bits, 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Timestamp mtime;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string target;  // of a symbolic link
  std::vector<Xattr> xattrs;
};

// `count` blocks of a file, from block `logical` of the file on, lie at block `physical` of the file system.
struct Extent {
  std::uint64_t logical = 0;
  std::uint64_t physical = 0;
  std::uint64_t count = 0;
};

struct HostFile {
  std::string path;  // a std::filesystem::path takes ten times the memory
};
// Where a file's bytes are: nowhere (empty or all holes), in the image already, in a host file, in memory.
using Content = std::variant<std::monostate, std::vector<Extent>, HostFile, std::string>;

using InodeIndex = std::uint32_t;
using Children = std::map<std::string, InodeIndex, std::less<>>;

struct Inode {
  Metadata meta;
  std::uint64_t size = 0;  // bytes, of a regular file
  Content content;
  std::uint32_t names = 0;   // directory entries that point here
  std::uint32_t number = 0;  // in the file system; 0 until it is laid out
  InodeIndex parent = 0;     // of a directory
  std::uint32_t path_bytes = 0;  // of a directory's path, from the root
  std::uint32_t layer = 0;   // that it was last named in
  Children children;         // of a directory
};

// What an entry does to what is at its path, or on the way to it.
enum class Replacing {
  // Of tars and packages: a directory goes into a link that leads to one (a merged /usr has lib -> usr/lib),
  // a
  // directory that is not empty stays, and what lies below a dangling link is refused.
  careful,
  // Of a container image's layers: a directory over a directory merges, anything else takes the place of what
  // was there with all below it, and a directory that a dangling link leads to is made (OCI image
  // specification, "Applying Changesets", and as umoci does).
  whole,
};

// The components of an entry's path: "." and empty ones dropped, a leading "/" taken as the image's root.
// Refused: "..", a component longer than 255 bytes, a NUL.
Result<std::vector<std::string_view>> split_entry_path(std::string_view path);

class Tree {
 public:
  static constexpr InodeIndex root = 0;

  Tree();

  // Adds or replaces the entry at `path`, making missing parents (0755, root, the entry's time). A directory
  // that exists keeps its children and takes the new metadata. The path "/" sets the root's metadata.
  Result<InodeIndex> add(std::string_view path, Metadata meta);
  // Adds `path` as another name of the file at `target`.
  Result<void> add_hard_link(std::string_view path, std::string_view target);
  // Removes the entry and all below it; nothing when it does not exist.
  Result<void> remove(std::string_view path);

  // What is added from now on is a new layer, over what there is.
  void begin_layer(Replacing replacing = Replacing::careful) {
    ++layer_;
    replacing_ = replacing;
    linked_.clear();
  }
  // Removes what earlier layers have at `path`, and leaves this layer's own; for a directory with all below
  // it. Nothing where there is no such path.
  Result<void> remove_lower(std::string_view path);
  // The same for everything in the directory at `path`.
  Result<void> remove_lower_children(std::string_view path);

  Inode& at(InodeIndex index) { return inodes_[index]; }
  const Inode& at(InodeIndex index) const { return inodes_[index]; }
  // Follows links, also in the last component; none when there is nothing.
  std::optional<InodeIndex> index_of(std::string_view path) const;
  const Inode* find(std::string_view path) const {
    const auto index = index_of(path);
    return index ? &inodes_[*index] : nullptr;
  }

  // Called with an inode that lost its last name, so that its blocks can be given back.
  void on_orphan(std::function<void(Inode&)> callback) { orphan_ = std::move(callback); }
  // Every reachable inode once, parents before children, siblings by name; `path` starts with "/".
  void visit(const std::function<void(const std::string& path, InodeIndex index)>& callback) const;

 private:
  struct Place {
    InodeIndex directory;
    std::string name;  // empty: `directory` itself
  };
  // Resolves all but the last component. `make_parents` gives missing directories that metadata.
  Result<Place> place(std::string_view path, const Metadata* make_parents);
  // What `path` leads to from `directory` on, if there is anything; `links` were followed before, and then.
  Result<std::optional<InodeIndex>> resolve(InodeIndex directory, std::string_view path,
                                            unsigned& links) const;
  // The directory that the link `name` in `at` leads to; nullopt: there is none, and none was to be made.
  Result<std::optional<InodeIndex>> below_link(InodeIndex at, std::string_view name, unsigned& links,
                                               const Metadata* make_missing);
  // A new inode in the directory `parent`. Refused: a directory whose path is longer than
  // limits::path_bytes.
  Result<InodeIndex> make(InodeIndex parent, std::string_view name, Metadata meta);
  Result<InodeIndex> link_target(std::string_view path, std::string_view target);
  void drop(InodeIndex index);
  void drop_lower(InodeIndex directory, std::string_view only);  // one name, or with "" all of them

  std::deque<Inode> inodes_;
  std::uint32_t layer_ = 0;
  Replacing replacing_ = Replacing::careful;
  // Names that this layer gave to files of earlier ones; all other names are as old as what they lead to.
  std::set<std::pair<InodeIndex, std::string>> linked_;
  std::function<void(Inode&)> orphan_;
};

}  // namespace cg::image
