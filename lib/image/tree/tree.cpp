#include "image/tree/tree.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>

#include "base/limits.h"
#include "image/tree/tree_names.h"

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

namespace {

// What of a path fits in a line.
std::string beginning_of(std::string_view path) {
  constexpr std::size_t most = 100;
  return path.size() <= most ? std::string(path) : fmt::format("{}…", path.substr(0, most));
}

}  // namespace

Result<std::vector<std::string_view>> split_entry_path(std::string_view path) {
  if (path.contains('\0')) return refused("an entry's name holds a NUL byte");
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused("'..' in an entry's path is not followed");
    if (part.size() > limits::name_bytes)
      return refused(fmt::format("the name '{}…' has {} bytes; a file system holds at most {}",
                                 part.substr(0, 32), part.size(), limits::name_bytes));
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

Result<std::optional<InodeIndex>> Tree::resolve(InodeIndex directory, std::string_view path,
                                                unsigned& links) const {
  PathParts rest(path, 0, links);
  CG_TRY(end, walk_path(TreeNames<Tree>{*this}, directory, rest, LastLink::follow));
  links = rest.links();
  return end.missing.empty() ? std::optional(end.node) : std::nullopt;
}

std::optional<InodeIndex> Tree::index_of(std::string_view path) const {
  unsigned links = 0;
  const auto found = resolve(root, path, links);
  return found ? *found : std::nullopt;
}

Result<InodeIndex> Tree::make(InodeIndex parent, std::string_view name, Metadata meta) {
  const auto index = static_cast<InodeIndex>(inodes_.size());
  const std::size_t path_bytes = inodes_[parent].path_bytes + 1 + name.size();
  if (meta.type == NodeType::directory && path_bytes > limits::path_bytes)
    return refused(fmt::format("'{}' and what it lies below make a path of more than {} bytes", name,
                               limits::path_bytes));
  Inode& made = inodes_.emplace_back();
  made.meta = std::move(meta);
  made.parent = parent;
  made.path_bytes = static_cast<std::uint32_t>(path_bytes);
  made.names = 1;
  made.layer = layer_;
  inodes_[parent].children.emplace(std::string(name), index);
  return index;
}

Result<std::optional<InodeIndex>> Tree::below_link(InodeIndex at, std::string_view name, unsigned& links,
                                                   const Metadata* make_missing) {
  PathParts rest(name, 0, links);
  CG_TRY(end, walk_path(TreeNames<Tree>{*this}, at, rest, LastLink::follow));
  links = rest.links();
  if (!end.missing.empty() && replacing_ == Replacing::whole) {
    if (!make_missing) return std::nullopt;
    for (const std::string& missing : end.missing) {
      CG_TRY(made, make(end.node, missing, *make_missing));
      end.node = made;
    }
  } else if (!end.missing.empty() || inodes_[end.node].meta.type != NodeType::directory) {
    return refused(fmt::format("a link to '{}', which is no directory of the image",
                               inodes_[inodes_[at].children.find(name)->second].meta.target));
  }
  return end.node;
}

Result<Tree::Place> Tree::place(std::string_view path, const Metadata* make_parents) {
  auto parts = split_entry_path(path);
  if (!parts) return refused(fmt::format("{}: {}", path, parts.error().message));
  InodeIndex at = root;
  unsigned links = 0;
  for (std::size_t i = 0; i + 1 < parts->size(); ++i) {
    const std::string_view part = (*parts)[i];
    const auto found = inodes_[at].children.find(part);
    if (found == inodes_[at].children.end()) {
      if (!make_parents) return Place{at, std::string()};
      const auto made = make(at, part, *make_parents);
      if (!made) return refused(fmt::format("{}: {}", beginning_of(path), made.error().message));
      at = *made;
      continue;
    }
    const Inode& child = inodes_[found->second];
    if (child.meta.type == NodeType::directory) {
      at = found->second;
    } else if (child.meta.type == NodeType::symlink) {
      const auto below = below_link(at, part, links, make_parents);
      if (!below) return refused(fmt::format("{}: lies below '{}', {}", path, part, below.error().message));
      if (!*below) return Place{at, std::string()};
      at = **below;
    } else if (replacing_ == Replacing::whole && !make_parents) {
      return Place{at, std::string()};
    } else {
      return refused(fmt::format("{}: lies below '{}', which is a {} and no directory", path, part,
                                 to_string(child.meta.type)));
    }
  }
  return Place{at, parts->empty() ? std::string() : std::string(parts->back())};
}

// Depth is the input's to choose, so what is to go waits in a list.
void Tree::drop(InodeIndex top) {
  std::vector<InodeIndex> pending{top};
  while (!pending.empty()) {
    Inode& inode = inodes_[pending.back()];
    pending.pop_back();
    for (const auto& [name, child] : inode.children) pending.push_back(child);
    inode.children.clear();
    if (--inode.names > 0) continue;
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
    const bool over_directory = inodes_[old].meta.type == NodeType::directory;
    if (meta.type == NodeType::directory && over_directory) {
      inodes_[old].meta = std::move(meta);
      inodes_[old].layer = layer_;
      return old;
    }
    if (replacing_ == Replacing::careful && meta.type == NodeType::directory) {
      unsigned links = 0;
      const auto end = inodes_[old].meta.type == NodeType::symlink
                           ? resolve(where.directory, where.name, links)
                           : std::optional<InodeIndex>();
      if (end && *end && inodes_[**end].meta.type == NodeType::directory) return **end;
    }
    if (replacing_ == Replacing::careful && over_directory && !inodes_[old].children.empty()) {
      return refused(
          fmt::format("{}: a {} cannot replace a directory that is not empty", path, to_string(meta.type)));
    }
    inodes_[where.directory].children.erase(found);
    drop(old);
  }
  const auto made = make(where.directory, where.name, std::move(meta));
  if (!made) return refused(fmt::format("{}: {}", beginning_of(path), made.error().message));
  return *made;
}

Result<InodeIndex> Tree::link_target(std::string_view path, std::string_view target) {
  CG_TRY(from, place(target, nullptr));
  const auto& siblings = inodes_[from.directory].children;
  const auto found = from.name.empty() ? siblings.end() : siblings.find(from.name);
  if (found == siblings.end())
    return refused(fmt::format("{}: a hard link to '{}', which is not in the image (yet)", path, target));
  if (inodes_[found->second].meta.type == NodeType::directory)
    return refused(fmt::format("{}: a hard link to the directory '{}'", path, target));
  return found->second;
}

Result<void> Tree::add_hard_link(std::string_view path, std::string_view target) {
  CG_TRY(index, link_target(path, target));
  Metadata parents{.type = NodeType::directory, .mode = 0755, .mtime = inodes_[index].meta.mtime};
  CG_TRY(where, place(path, &parents));
  if (where.name.empty()) return refused(fmt::format("{}: the root of an image cannot be a hard link", path));
  auto& children = inodes_[where.directory].children;
  if (const auto old = children.find(where.name); old != children.end()) {
    const InodeIndex replaced = old->second;
    if (replacing_ == Replacing::careful) {
      if (inodes_[replaced].meta.type == NodeType::directory)
        return refused(fmt::format("{}: a hard link cannot replace a directory", path));
      if (replaced == index) {
        if (inodes_[index].layer != layer_) linked_.emplace(where.directory, where.name);
        return {};
      }
    }
    children.erase(old);
    drop(replaced);
    if (replacing_ == Replacing::whole) {  // what went may have been the target, or have held it
      CG_TRY(still, link_target(path, target));
      index = still;
    }
  }
  if (inodes_[index].names >= limits::names_of_file)
    return refused(fmt::format("{}: '{}' has {} names already, the most ext4 holds", path, target,
                               limits::names_of_file));
  ++inodes_[index].names;
  if (inodes_[index].layer != layer_) linked_.emplace(where.directory, where.name);
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

// Of the layers below: the names in `directory` and below it, the deepest first. A directory that this layer
// has something in stays.
void Tree::drop_lower(InodeIndex top, std::string_view only) {
  struct Frame {
    InodeIndex directory;
    Children::iterator next;
    Children::iterator end;
  };
  const auto frame_of = [&](InodeIndex directory) {
    Children& names = inodes_[directory].children;
    return Frame{directory, names.begin(), names.end()};
  };
  std::vector<Frame> stack{frame_of(top)};
  if (!only.empty()) {
    stack.front().next = inodes_[top].children.find(only);
    if (stack.front().next == stack.front().end) return;
    stack.front().end = std::next(stack.front().next);
  }
  bool back = false;  // what `next` names has been gone through
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next == frame.end) {
      stack.pop_back();
      back = true;
      continue;
    }
    const InodeIndex index = frame.next->second;
    if (!back && !inodes_[index].children.empty()) {
      stack.push_back(frame_of(index));
      continue;
    }
    back = false;
    const bool lower = inodes_[index].layer != layer_ && inodes_[index].children.empty() &&
                       !linked_.contains({frame.directory, frame.next->first});
    if (!lower) {
      ++frame.next;
      continue;
    }
    frame.next = inodes_[frame.directory].children.erase(frame.next);
    drop(index);
  }
}

Result<void> Tree::remove_lower(std::string_view path) {
  CG_TRY(where, place(path, nullptr));
  if (!where.name.empty()) drop_lower(where.directory, where.name);
  return {};
}

Result<void> Tree::remove_lower_children(std::string_view path) {
  if (const auto found = index_of(path)) drop_lower(*found, {});
  return {};
}

void Tree::visit(const std::function<void(const std::string&, InodeIndex)>& callback) const {
  std::unordered_set<InodeIndex> seen;  // only of inodes with several names
  // Explicit stack: depth is the input's to choose.
  struct Frame {
    InodeIndex index;
    std::size_t path_length;
    Children::const_iterator next;
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
