#include "recipe/builder_tree.h"

#include <fmt/format.h>

namespace cg {

// Resolved paths have no links in them, so names alone lead there.
std::optional<image::InodeIndex> BuilderTree::find(const std::string& path) const {
  const image::Tree& tree = builder_.tree();
  image::InodeIndex at = image::Tree::root;
  for (std::size_t from = 1; from < path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const auto& children = tree.at(at).children;
    const auto child = children.find(std::string_view(path).substr(from, end - from));
    if (child == children.end()) return std::nullopt;
    at = child->second;
    from = end + 1;
  }
  return at;
}

Result<std::optional<TreeEntry>> BuilderTree::entry(const std::string& path) const {
  const auto index = find(path);
  if (!index) return std::nullopt;
  const image::Inode& inode = builder_.tree().at(*index);
  const auto type = inode.meta.type;
  return TreeEntry{.kind = type == image::NodeType::regular     ? FileKind::regular
                           : type == image::NodeType::directory ? FileKind::directory
                           : type == image::NodeType::symlink   ? FileKind::link
                                                                : FileKind::other,
                   .mode = inode.meta.mode,
                   .size = inode.size,
                   .target = inode.meta.target};
}

Result<std::vector<std::string>> BuilderTree::names(const std::string& directory) const {
  std::vector<std::string> names;
  if (const auto index = find(directory))
    for (const auto& [name, child] : builder_.tree().at(*index).children) names.push_back(name);
  return names;
}

Result<std::string> BuilderTree::read(const std::string& path, std::uint64_t most) const {
  const auto index = find(path);
  if (!index) return refused(fmt::format("{}: no such file in the image", path));
  return builder_.read(*index, most);
}

}  // namespace cg
