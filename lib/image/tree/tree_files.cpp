#include "image/tree/tree_files.h"

#include <fmt/format.h>

namespace cg::image {

Result<FileTree::Index> TreeFiles::find(std::string_view path, LastLink last) const {
  auto found = tree().look_up(path, last, &trail_);
  if (!found)
    return std::unexpected(Error{found.error().kind, fmt::format("{}: {}", name_, found.error().message)});
  if (!found->missing.empty()) return refused(fmt::format("{}: {}: no such file in the image", name_, path));
  return found->node;
}

FileInfo TreeFiles::info_of(FileTree::Index index) const {
  const FileNode& node = tree().at(index);
  std::uint32_t links = node.names;
  if (node.meta.type == NodeType::directory) {
    links = 2;
    for (const auto& [name, child] : node.children)
      links += tree().at(child).meta.type == NodeType::directory ? 1 : 0;
  }
  return {.inode = index + 1, .meta = node.meta, .size = node.size, .links = links};
}

Result<FileInfo> TreeFiles::stat(std::string_view path, LastLink last) const {
  CG_TRY(node, find(path, last));
  return info_of(node);
}

Result<std::vector<DirectoryItem>> TreeFiles::list(std::string_view path) const {
  CG_TRY(node, find(path, LastLink::follow));
  if (tree().at(node).meta.type != NodeType::directory)
    return refused(fmt::format("{}: {}: not a directory", name_, path));
  std::vector<DirectoryItem> items;
  for (const auto& [name, child] : tree().at(node).children) items.push_back({name, info_of(child)});
  return items;
}

Result<void> TreeFiles::read(std::string_view path, std::span<const DataRange> ranges,
                             const PieceSink& sink) const {
  CG_TRY(node, find(path, LastLink::follow));
  const NodeType type = tree().at(node).meta.type;
  if (type != NodeType::regular)
    return refused(fmt::format("{}: {}: a {}, not a file", name_, path, to_string(type)));
  for (const DataRange& range : ranges) {
    std::uint64_t at = range.offset;
    CG_CHECK(tree().read(node, range, [&](std::string_view piece) {
      const std::uint64_t offset = at;
      at += piece.size();
      return sink(offset, piece);
    }));
  }
  return {};
}

Result<std::vector<DataRange>> TreeFiles::data(std::string_view path) const {
  CG_TRY(node, find(path, LastLink::follow));
  const FileNode& file = tree().at(node);
  if (file.size == 0) return std::vector<DataRange>{};
  if (file.data) return *file.data;
  return std::vector<DataRange>{{0, file.size}};
}

Result<std::vector<Xattr>> TreeFiles::xattrs(std::string_view path) const {
  CG_TRY(node, find(path, LastLink::keep));
  return tree().at(node).meta.xattrs;
}

}  // namespace cg::image
