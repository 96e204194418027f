// The names of inodes in memory, for walk_path(): of a Tree, of a FileTree.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/path_walk.h"
#include "image/tree/tree.h"

namespace cg::image {

template <class Inodes>
struct TreeNames {
  using Node = std::uint32_t;
  const Inodes& inodes;

  Node root() const { return Inodes::root; }
  Result<Node> parent(Node directory) const { return inodes.at(directory).parent; }
  Result<std::optional<PathChild<Node>>> child(Node directory, std::string_view name) const {
    const auto& children = inodes.at(directory).children;
    const auto found = children.find(name);
    if (found == children.end()) return std::nullopt;
    const Metadata& meta = inodes.at(found->second).meta;
    PathChild<Node> child{found->second, PathKind::other, {}};
    if (meta.type == NodeType::directory) child.kind = PathKind::directory;
    if (meta.type == NodeType::symlink) {
      child.kind = PathKind::link;
      child.target = meta.target;
    }
    return child;
  }
};

}  // namespace cg::image
