#include "image/initrd/editor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"
#include "image/initrd/writer.h"

namespace cg::image {
namespace {

constexpr std::uint32_t no_member = UINT32_MAX;  // of what an edit has made or changed

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

std::string InitrdEditor::what(std::string_view path) const {
  return fmt::format("{}: {}", target_.name, path);
}

Result<FileTree::Found> InitrdEditor::look_up(const std::string& path, LastLink last) const {
  auto place = tree_.look_up(path, last);
  if (!place) return std::unexpected(Error{place.error().kind, what(place.error().message)});
  return place;
}

Result<FileTree::Found> InitrdEditor::find(const std::string& path) const {
  CG_TRY(place, look_up(path, LastLink::follow));
  if (!place.missing.empty()) return refused(what(path) + ": no such file in the image");
  return place;
}

// The entry is written as the node is in the end, so once is enough.
void InitrdEditor::note(Index parent, const std::string& name, bool detach) {
  const std::string above = tree_.path_of(parent);
  std::string path = name.empty() ? above : above == "/" ? "/" + name : above + "/" + name;
  const Index node = name.empty() ? parent : tree_.at(parent).children.find(name)->second;
  tree_.at(node).member = no_member;
  for (Entry& entry : entries_)
    if (entry.path == path) {
      entry.node = node;
      entry.detach = entry.detach || detach;
      return;
    }
  entries_.push_back({std::move(path), node, detach});
}

void InitrdEditor::note(const FileTree::Found& place) {
  const bool directory = tree_.at(place.node).meta.type == NodeType::directory;
  note(directory ? place.node : place.parent, directory ? "" : place.name);
}

InitrdEditor::Index InitrdEditor::make(Index parent, const std::string& name, FileNode node) {
  const Index made = tree_.add(parent, name, std::move(node));
  note(parent, name);
  return made;
}

Result<InitrdEditor::Index> InitrdEditor::make_parents(const FileTree::Found& place, std::int64_t time,
                                                       const std::string& path) {
  Index directory = place.node;
  if (tree_.at(directory).meta.type != NodeType::directory)
    return refused(what(path) + ": lies below something that is no directory");
  for (std::size_t i = 0; i + 1 < place.missing.size(); ++i)
    directory = make(directory, place.missing[i],
                     {.meta = {.type = NodeType::directory, .mode = 0755, .mtime = {time, 0}}});
  return directory;
}

void InitrdEditor::fill(FileNode& node, SourceFile& source, const std::string& path) {
  const auto size = static_cast<std::uint64_t>(source.info.st_size);
  node.size = size;
  node.bytes = &files_.emplace_back(source.fd.get(), "the source of " + path, size);
  node.offset = 0;
  node.meta.mtime = {source.time(target_.newest), 0};
}

Result<Changed> InitrdEditor::inject(const Injection& injection, SourceFile& source) {
  std::string path = injection.destination;
  const std::string own_name = injection.source.filename().string();
  if (path.ends_with('/')) path += own_name;
  CG_TRY(place, look_up(path, LastLink::follow));
  if (place.missing.empty() && tree_.at(place.node).meta.type == NodeType::directory) {
    path = without_slashes(path) + "/" + own_name;
    CG_TRY(inside, look_up(path, LastLink::follow));
    place = std::move(inside);
  }
  const auto size = static_cast<std::uint64_t>(source.info.st_size);
  if (size > UINT32_MAX)
    return refused(fmt::format("{}: {} bytes; an initrd holds at most 4 GiB in a file", what(path), size));
  const bool exists = place.missing.empty();
  const Metadata old = exists ? tree_.at(place.node).meta : Metadata{};
  if (exists && old.type != NodeType::regular)
    return refused(what(path) + ": is no regular file; it is not replaced");
  if (injection.existing == Injection::Existing::rewritten) {
    if (!exists) return refused(what(path) + ": no such file in the image; inject adds one");
    FileNode& node = tree_.at(place.node);
    fill(node, source, path);
    if (injection.mode) node.meta.mode = *injection.mode;
    node.meta.uid = injection.uid.value_or(node.meta.uid);
    node.meta.gid = injection.gid.value_or(node.meta.gid);
    note(place.parent, place.name);
    return Changed{path, "rewritten", size};
  }
  FileNode node{.meta = {.type = NodeType::regular,
                         .mode = injection.mode.value_or(exists ? old.mode : source.info.st_mode & 07777U),
                         .uid = injection.uid.value_or(exists ? old.uid : 0),
                         .gid = injection.gid.value_or(exists ? old.gid : 0)}};
  fill(node, source, path);
  if (!exists) {
    CG_TRY(parent, make_parents(place, source.time(target_.newest), path));
    make(parent, place.missing.back(), std::move(node));
  } else {
    const bool shared = tree_.at(place.node).names > 1;
    tree_.unlink(place.parent, place.name);
    tree_.add(place.parent, place.name, std::move(node));
    note(place.parent, place.name, shared);
  }
  return Changed{path, exists ? "replaced" : "added", size};
}

// What boot code reads at the front of the file is not written anew, so nothing can be taken out of it.
Result<void> InitrdEditor::drop(Index top, const std::string& path) const {
  if (firmware_bytes(target_.archive) == 0) return {};
  std::vector<Index> pending{top};
  while (!pending.empty()) {
    const FileNode& node = tree_.at(pending.back());
    pending.pop_back();
    if (node.member == 0)
      return refused(what(path) +
                     ": lies in the first archive, of firmware for boot code, which is kept as it is");
    for (const auto& [name, child] : node.children) pending.push_back(child);
  }
  return {};
}

Result<Changed> InitrdEditor::remove(const Removal& removal) {
  const std::string path = without_slashes(removal.path);
  CG_TRY(place, look_up(path, LastLink::keep));
  if (!place.missing.empty()) return refused(what(path) + ": no such file in the image");
  if (place.name.empty()) return refused(what(path) + ": the root of an image is not removed");
  const FileNode& node = tree_.at(place.node);
  if (removal.depth == Removal::Depth::single && !node.children.empty())
    return refused(fmt::format("{}: a directory with {} entries; -r removes it with all below it", what(path),
                               node.children.size()));
  if (target_.way == Way::append)
    return refused(
        what(path) +
        ": an archive that is appended to an initrd can add and replace, not remove; --repack writes "
        "the initrd anew");
  CG_CHECK(drop(place.node, path));
  tree_.unlink(place.parent, place.name);
  return Changed{path, "removed"};
}

Result<Changed> InitrdEditor::make_directory(const NewDirectory& wish) {
  const std::string path = without_slashes(wish.path);
  CG_TRY(place, look_up(path, LastLink::follow));
  const bool exists = place.missing.empty();
  Index node = place.node;
  if (exists) {
    if (tree_.at(node).meta.type != NodeType::directory)
      return refused(what(path) + ": is there already, and is no directory");
  } else {
    CG_TRY(parent, make_parents(place, target_.now, path));
    node = make(parent, place.missing.back(),
                {.meta = {.type = NodeType::directory, .mode = 0755, .mtime = {target_.now, 0}}});
  }
  Metadata& meta = tree_.at(node).meta;
  meta.mode = wish.mode.value_or(meta.mode);
  meta.uid = wish.uid.value_or(meta.uid);
  meta.gid = wish.gid.value_or(meta.gid);
  if (exists && (wish.mode || wish.uid)) note(node, "");
  return Changed{path, exists ? "kept" : "added"};
}

Result<Changed> InitrdEditor::make_symlink(const NewSymlink& wish) {
  const std::string& path = wish.path;
  if (wish.target.empty()) return refused(what(path) + ": a symbolic link without a target");
  if (wish.target.size() > limits::target_bytes)
    return refused(fmt::format("{}: a link target of {} bytes; the most is {}", what(path),
                               wish.target.size(), limits::target_bytes));
  CG_TRY(place, look_up(path, LastLink::keep));
  const bool exists = place.missing.empty();
  FileNode node{
      .meta = {.type = NodeType::symlink, .mode = 0777, .mtime = {target_.now, 0}, .target = wish.target},
      .size = wish.target.size()};
  if (exists) {
    if (tree_.at(place.node).meta.type != NodeType::symlink)
      return refused(what(path) + ": is there already, and is no symbolic link; remove it first");
    tree_.unlink(place.parent, place.name);
    make(place.parent, place.name, std::move(node));
  } else {
    CG_TRY(parent, make_parents(place, target_.now, path));
    make(parent, place.missing.back(), std::move(node));
  }
  return Changed{path, exists ? "replaced" : "added"};
}

Result<Changed> InitrdEditor::change_mode(const ModeChange& wish) {
  CG_TRY(place, find(wish.path));
  tree_.at(place.node).meta.mode = wish.mode;
  note(place);
  return Changed{wish.path, fmt::format("has mode {:04o}", wish.mode)};
}

Result<Changed> InitrdEditor::change_owner(const OwnerChange& wish) {
  CG_TRY(place, find(wish.path));
  tree_.at(place.node).meta.uid = wish.uid;
  tree_.at(place.node).meta.gid = wish.gid;
  note(place);
  return Changed{wish.path, fmt::format("belongs to {}:{}", wish.uid, wish.gid)};
}

}  // namespace cg::image
