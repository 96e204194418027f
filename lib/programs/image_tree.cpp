#include "programs/image_tree.h"

#include <algorithm>

namespace cg {
namespace {

FileKind kind_of(image::NodeType type) {
  switch (type) {
    case image::NodeType::regular:
      return FileKind::regular;
    case image::NodeType::directory:
      return FileKind::directory;
    case image::NodeType::symlink:
      return FileKind::link;
    default:
      return FileKind::other;
  }
}

}  // namespace

Result<const ImageTree::Directory*> ImageTree::directory(const std::string& path) const {
  const auto known = directories_.find(path);
  if (known != directories_.end()) return &known->second;
  CG_TRY(items, image_.list(path));
  Directory entries;
  for (auto& item : items)
    entries.emplace(std::move(item.name), TreeEntry{.kind = kind_of(item.info.meta.type),
                                                    .mode = item.info.meta.mode,
                                                    .size = item.info.size,
                                                    .target = std::move(item.info.meta.target)});
  return &directories_.emplace(path, std::move(entries)).first->second;
}

Result<std::optional<TreeEntry>> ImageTree::entry(const std::string& path) const {
  if (path == "/") return TreeEntry{.kind = FileKind::directory, .mode = 0755};
  const std::size_t slash = path.rfind('/');
  const std::string above = slash == 0 ? "/" : path.substr(0, slash);
  // A walk has asked for what lies above before. Else from the top, without recursion.
  if (!directories_.contains(above) && above != "/") {
    for (std::size_t at = above.find('/', 1);; at = above.find('/', at + 1)) {
      const std::string up = above.substr(0, at);
      CG_TRY(entries, directory(up.substr(0, std::max<std::size_t>(1, up.rfind('/')))));
      const auto found = entries->find(std::string_view(up).substr(up.rfind('/') + 1));
      if (found == entries->end() || found->second.kind != FileKind::directory) return std::nullopt;
      if (at == std::string::npos) break;
    }
  }
  CG_TRY(entries, directory(above));
  const auto found = entries->find(std::string_view(path).substr(slash + 1));
  if (found == entries->end()) return std::nullopt;
  return found->second;
}

Result<std::vector<std::string>> ImageTree::names(const std::string& path) const {
  CG_TRY(entries, directory(path));
  std::vector<std::string> names;
  for (const auto& [name, entry] : *entries) names.push_back(name);
  return names;
}

Result<std::string> ImageTree::read(const std::string& path, std::uint64_t most) const {
  if (most >= (1ULL << 20)) return image_.read(path);
  std::string bytes;
  bool enough = false;
  const auto done = image_.read(path, [&](std::string_view piece) -> Result<void> {
    bytes += piece.substr(0, most - bytes.size());
    enough = bytes.size() == most;
    if (enough) return refused("");  // stops the reading
    return {};
  });
  if (!done && !enough) return std::unexpected(done.error());
  return bytes;
}

}  // namespace cg
