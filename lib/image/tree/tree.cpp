#include "image/tree/tree.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>

namespace cg::image {

std::uint16_t type_bits(NodeType type) {
  switch (type) {
    case NodeType::regular:
      return S_IFREG;
    case NodeType::directory:
      return S_IFDIR;
    case NodeType::symlink:
      return S_IFLNK;
    case NodeType::character_device:
      return S_IFCHR;
    case NodeType::block_device:
      return S_IFBLK;
    case NodeType::fifo:
      return S_IFIFO;
    case NodeType::socket:
      return S_IFSOCK;
  }
  return 0;
}

std::optional<NodeType> node_type(std::uint32_t mode) {
  for (const NodeType type :
       {NodeType::regular, NodeType::directory, NodeType::symlink, NodeType::character_device,
        NodeType::block_device, NodeType::fifo, NodeType::socket})
    if ((mode & S_IFMT) == type_bits(type)) return type;
  return std::nullopt;
}

namespace {

constexpr int most_links_in_a_path = 40;  // as Linux: more is taken as a loop

}  // namespace

std::string_view to_string(NodeType type) {
  switch (type) {
    case NodeType::regular:
      return "file";
    case NodeType::directory:
      return "directory";
    case NodeType::symlink:
      return "symlink";
    case NodeType::character_device:
      return "character device";
    case NodeType::block_device:
      return "block device";
    case NodeType::fifo:
      return "fifo";
    case NodeType::socket:
      return "socket";
  }
  return "?";
}

Result<std::vector<std::string_view>> split_entry_path(std::string_view path) {
  if (path.contains('\0')) return refused("an entry's name holds a NUL byte");
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused("'..' in an entry's path is not followed");
    if (part.size() > 255)
      return refused(fmt::format("the name '{}…' has {} bytes; a file system holds at most 255",
                                 part.substr(0, 32), part.size()));
    parts.push_back(part);
  }
  return parts;
}

Tree::Tree() {
  inodes_.emplace_back();
  inodes_[root].meta.type = NodeType::directory;
  inodes_[root].meta.mode = 0755;
  inodes_[root].names = 1;
}

std::int64_t Tree::resolve(InodeIndex directory, std::string_view path, int depth) const {
  if (depth > most_links_in_a_path) return -1;
  InodeIndex at = path.starts_with('/') ? root : directory;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    const Inode& here = inodes_[at];
    if (here.meta.type != NodeType::directory) return -1;
    if (part == "..") {
      at = here.parent;  // the root is its own parent: a link never leaves the tree
      continue;
    }
    const auto found = here.children.find(part);
    if (found == here.children.end()) return -1;
    const Inode& child = inodes_[found->second];
    if (child.meta.type == NodeType::symlink) {
      const std::int64_t end = resolve(at, child.meta.target, depth + 1);
      if (end < 0) return -1;
      at = static_cast<InodeIndex>(end);
    } else {
      at = found->second;
    }
  }
  return at;
}

const Inode* Tree::find(std::string_view path) const {
  const std::int64_t index = resolve(root, path, 0);
  return index < 0 ? nullptr : &inodes_[static_cast<InodeIndex>(index)];
}

Result<InodeIndex> Tree::make_directory(InodeIndex parent, std::string_view name, const Metadata& like) {
  const auto index = static_cast<InodeIndex>(inodes_.size());
  Inode& made = inodes_.emplace_back();
  made.meta = like;
  made.parent = parent;
  made.names = 1;
  made.layer = layer_;
  inodes_[parent].children.emplace(std::string(name), index);
  return index;
}

Result<Tree::Place> Tree::place(std::string_view path, const Metadata* make_parents) {
  auto parts = split_entry_path(path);
  if (!parts) return refused(fmt::format("{}: {}", path, parts.error().message));
  InodeIndex at = root;
  for (std::size_t i = 0; i + 1 < parts->size(); ++i) {
    const std::string_view part = (*parts)[i];
    const auto found = inodes_[at].children.find(part);
    if (found == inodes_[at].children.end()) {
      if (!make_parents) return Place{at, std::string()};
      CG_TRY(made, make_directory(at, part, *make_parents));
      at = made;
      continue;
    }
    const Inode& child = inodes_[found->second];
    if (child.meta.type == NodeType::directory) {
      at = found->second;
    } else if (child.meta.type == NodeType::symlink) {
      const std::int64_t end = resolve(at, child.meta.target, 1);
      if (end < 0 || inodes_[static_cast<InodeIndex>(end)].meta.type != NodeType::directory)
        return refused(fmt::format("{}: lies below '{}', a link to '{}', which is no directory of the image",
                                   path, part, child.meta.target));
      at = static_cast<InodeIndex>(end);
    } else {
      return refused(fmt::format("{}: lies below '{}', which is a {} and no directory", path, part,
                                 to_string(child.meta.type)));
    }
  }
  return Place{at, parts->empty() ? std::string() : std::string(parts->back())};
}

void Tree::drop(InodeIndex index) {
  Inode& inode = inodes_[index];
  if (inode.meta.type == NodeType::directory) {
    for (const auto& [name, child] : inode.children) drop(child);
    inode.children.clear();
  }
  if (--inode.names == 0) {
    if (orphan_) orphan_(inode);
    inode = Inode{};
  }
}

Result<InodeIndex> Tree::add(std::string_view path, Metadata meta) {
  Metadata parents{.type = NodeType::directory, .mode = 0755, .mtime = meta.mtime};
  CG_TRY(where, place(path, &parents));
  if (where.name.empty()) {
    if (meta.type != NodeType::directory)
      return refused(
          fmt::format("{}: the root of an image is a directory, not a {}", path, to_string(meta.type)));
    inodes_[root].meta = std::move(meta);
    return root;
  }
  const auto found = inodes_[where.directory].children.find(where.name);
  if (found != inodes_[where.directory].children.end()) {
    const InodeIndex old = found->second;
    if (meta.type == NodeType::directory) {
      if (inodes_[old].meta.type == NodeType::directory) {
        inodes_[old].meta = std::move(meta);
        inodes_[old].layer = layer_;
        return old;
      }
      // A merged-/usr system has lib -> usr/lib, and a package that carries lib/ means that directory.
      if (inodes_[old].meta.type == NodeType::symlink) {
        const std::int64_t end = resolve(where.directory, inodes_[old].meta.target, 1);
        if (end >= 0 && inodes_[static_cast<InodeIndex>(end)].meta.type == NodeType::directory)
          return static_cast<InodeIndex>(end);
      }
    } else if (inodes_[old].meta.type == NodeType::directory && !inodes_[old].children.empty()) {
      return refused(
          fmt::format("{}: a {} cannot replace a directory that is not empty", path, to_string(meta.type)));
    }
    inodes_[where.directory].children.erase(found);
    drop(old);
  }
  const auto index = static_cast<InodeIndex>(inodes_.size());
  Inode& inode = inodes_.emplace_back();
  inode.meta = std::move(meta);
  inode.names = 1;
  inode.parent = where.directory;
  inode.layer = layer_;
  inodes_[where.directory].children.emplace(std::move(where.name), index);
  return index;
}

Result<void> Tree::add_hard_link(std::string_view path, std::string_view target) {
  CG_TRY(from, place(target, nullptr));
  const auto& siblings = inodes_[from.directory].children;
  const auto found = from.name.empty() ? siblings.end() : siblings.find(from.name);
  if (found == siblings.end())
    return refused(fmt::format("{}: a hard link to '{}', which is not in the image (yet)", path, target));
  const InodeIndex index = found->second;
  if (inodes_[index].meta.type == NodeType::directory)
    return refused(fmt::format("{}: a hard link to the directory '{}'", path, target));
  Metadata parents{.type = NodeType::directory, .mode = 0755, .mtime = inodes_[index].meta.mtime};
  CG_TRY(where, place(path, &parents));
  if (where.name.empty()) return refused(fmt::format("{}: the root of an image cannot be a hard link", path));
  auto& children = inodes_[where.directory].children;
  if (const auto old = children.find(where.name); old != children.end()) {
    if (old->second == index) return {};
    if (inodes_[old->second].meta.type == NodeType::directory)
      return refused(fmt::format("{}: a hard link cannot replace a directory", path));
    const InodeIndex replaced = old->second;
    children.erase(old);
    drop(replaced);
  }
  if (inodes_[index].names >= 65000)
    return refused(fmt::format("{}: '{}' has 65000 names already, the most ext4 holds", path, target));
  ++inodes_[index].names;
  inodes_[index].layer = layer_;
  children.emplace(std::move(where.name), index);
  return {};
}

Result<void> Tree::remove(std::string_view path) {
  CG_TRY(where, place(path, nullptr));
  auto& children = inodes_[where.directory].children;
  if (where.name.empty()) return {};
  if (const auto found = children.find(where.name); found != children.end()) {
    const InodeIndex index = found->second;
    children.erase(found);
    drop(index);
  }
  return {};
}

bool Tree::drop_lower(InodeIndex index) {
  if (inodes_[index].meta.type == NodeType::directory) drop_lower_children(index);
  return inodes_[index].layer != layer_ && inodes_[index].children.empty();
}

void Tree::drop_lower_children(InodeIndex directory) {
  std::erase_if(inodes_[directory].children, [&](const auto& child) {
    const InodeIndex index = child.second;
    if (!drop_lower(index)) return false;
    drop(index);
    return true;
  });
}

Result<void> Tree::remove_lower(std::string_view path) {
  CG_TRY(where, place(path, nullptr));
  if (where.name.empty()) return {};
  auto& children = inodes_[where.directory].children;
  if (const auto found = children.find(where.name); found != children.end() && drop_lower(found->second)) {
    const InodeIndex index = found->second;
    children.erase(found);
    drop(index);
  }
  return {};
}

Result<void> Tree::remove_lower_children(std::string_view path) {
  const std::int64_t found = resolve(root, path, 0);
  if (found >= 0) drop_lower_children(static_cast<InodeIndex>(found));
  return {};
}

void Tree::visit(const std::function<void(const std::string&, InodeIndex)>& callback) const {
  std::unordered_set<InodeIndex> seen;  // only of inodes with several names
  // Explicit stack: depth is the input's to choose.
  struct Frame {
    InodeIndex index;
    std::size_t path_length;
    std::map<std::string, InodeIndex, std::less<>>::const_iterator next;
  };
  std::string path = "/";
  callback(path, root);
  std::vector<Frame> stack{{root, 0, inodes_[root].children.begin()}};
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next == inodes_[frame.index].children.end()) {
      stack.pop_back();
      continue;
    }
    const auto& [name, child] = *frame.next++;
    path.resize(frame.path_length);
    path += '/';
    path += name;
    const Inode& inode = inodes_[child];
    if (inode.names > 1 && !seen.insert(child).second) continue;
    callback(path, child);
    if (inode.meta.type == NodeType::directory) stack.push_back({child, path.size(), inode.children.begin()});
  }
}

}  // namespace cg::image
