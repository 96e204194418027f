#include "image/initrd/files.h"

#include <fmt/format.h>

#include "image/initrd/archive.h"

namespace cg::image {
namespace {

class InitrdFiles final : public ImageReader::Files {
 public:
  InitrdFiles(InitrdArchive archive, std::string name)
      : archive_(std::move(archive)), name_(std::move(name)) {}

  ImageInfo info() const override {
    ImageInfo info{.state = archive_.fault_count() == 0 ? "clean" : "has faults"};
    for (const InitrdMember& member : archive_.members()) info.bytes += member.unpacked;
    return info;
  }

  Result<FileInfo> stat(std::string_view path, ImageReader::LastLink last) const override {
    CG_TRY(node, find(path, last));
    return info_of(node);
  }

  Result<std::vector<DirectoryItem>> list(std::string_view path) const override {
    CG_TRY(node, find(path, ImageReader::LastLink::follow));
    if (tree().at(node).meta.type != NodeType::directory)
      return refused(fmt::format("{}: {}: not a directory", name_, path));
    std::vector<DirectoryItem> items;
    for (const auto& [name, child] : tree().at(node).children) items.push_back({name, info_of(child)});
    return items;
  }

  Result<void> read(std::string_view path, const ImageReader::Sink& sink) const override {
    CG_TRY(node, find(path, ImageReader::LastLink::follow));
    const NodeType type = tree().at(node).meta.type;
    if (type != NodeType::regular)
      return refused(fmt::format("{}: {}: a {}, not a file", name_, path, to_string(type)));
    return tree().read(node, sink);
  }

  // newc has no place for them.
  Result<std::vector<Xattr>> xattrs(std::string_view path) const override {
    CG_CHECK(find(path, ImageReader::LastLink::keep));
    return std::vector<Xattr>{};
  }

  const InitrdArchive* initrd() const override { return &archive_; }

 private:
  const InitrdTree& tree() const { return archive_.tree(); }

  Result<InitrdTree::Index> find(std::string_view path, ImageReader::LastLink last) const {
    auto found = tree().look_up(path, last);
    if (!found)
      return std::unexpected(Error{found.error().kind, fmt::format("{}: {}", name_, found.error().message)});
    if (!found->missing.empty())
      return refused(fmt::format("{}: {}: no such file in the image", name_, path));
    return found->node;
  }

  FileInfo info_of(InitrdTree::Index index) const {
    const InitrdNode& node = tree().at(index);
    std::uint32_t links = node.names;
    if (node.meta.type == NodeType::directory) {
      links = 2;
      for (const auto& [name, child] : node.children)
        links += tree().at(child).meta.type == NodeType::directory ? 1 : 0;
    }
    return {.inode = index + 1, .meta = node.meta, .size = node.size, .links = links};
  }

  InitrdArchive archive_;
  std::string name_;
};

}  // namespace

bool is_initrd(const DiskLayout& layout) {
  return layout.partitions.empty() && layout.content == ContentKind::initrd;
}

Result<std::unique_ptr<ImageReader::Files>> open_initrd_files(Device& file) {
  CG_TRY(archive, InitrdArchive::read(file));
  return std::make_unique<InitrdFiles>(std::move(archive), file.name());
}

}  // namespace cg::image
