#include "image/tree/file_tree.h"

#include <algorithm>

#include "image/tree/tree_names.h"

namespace cg::image {
FileTree::FileTree() {
  nodes_.push_back({.meta = {.type = NodeType::directory, .mode = 0755}, .names = 1});
}

Result<FileTree::Found> FileTree::look_up(std::string_view path, LastLink last, Trail* trail) const {
  return walk_path(TreeNames<FileTree>{*this}, path, last, trail);
}

std::string FileTree::path_of(Index directory) const {
  std::string path;
  while (directory != root) {
    const Index parent = at(directory).parent;
    const auto& siblings = at(parent).children;
    const auto self =
        std::ranges::find_if(siblings, [&](const auto& entry) { return entry.second == directory; });
    path = self == siblings.end() ? "/?" + path : "/" + self->first + path;
    directory = parent;
  }
  return path.empty() ? "/" : path;
}

FileTree::Index FileTree::add(Index parent, const std::string& name, FileNode node) {
  const auto index = static_cast<Index>(nodes_.size());
  node.names = 0;
  node.parent = parent;
  nodes_.push_back(std::move(node));
  link(parent, name, index);
  return index;
}

void FileTree::link(Index parent, const std::string& name, Index node) {
  at(parent).children[name] = node;
  ++at(node).names;
}

void FileTree::unlink(Index parent, const std::string& name) {
  auto& children = at(parent).children;
  const auto found = children.find(name);
  if (found == children.end()) return;
  --at(found->second).names;
  children.erase(found);
}

Result<void> FileTree::read(Index index, const ImageFiles::Sink& sink) const {
  return read(index, {0, at(index).size}, sink);
}

Result<void> FileTree::read(Index index, const DataRange& range, const ImageFiles::Sink& sink) const {
  const FileNode& node = at(index);
  std::vector<std::byte> buffer(std::min<std::uint64_t>(range.bytes, 1 << 20));
  for (std::uint64_t done = 0; done < range.bytes;) {
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(range.bytes - done, buffer.size()));
    CG_CHECK(node.bytes->read(node.offset + range.offset + done, piece));
    CG_CHECK(sink({reinterpret_cast<const char*>(piece.data()), piece.size()}));
    done += piece.size();
  }
  return {};
}

std::uint64_t FileTree::file_bytes() const {
  std::uint64_t bytes = 0;
  for (const FileNode& node : nodes_)
    if (node.meta.type == NodeType::regular && node.names > 0) bytes += node.size;
  return bytes;
}

std::int64_t FileTree::newest() const {
  std::int64_t time = 0;
  for (const FileNode& node : nodes_) time = std::max(time, node.meta.mtime.seconds);
  return time;
}

}  // namespace cg::image
