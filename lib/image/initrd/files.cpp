#include "image/initrd/files.h"

#include "image/initrd/archive.h"
#include "image/tree/tree_files.h"

namespace cg::image {
namespace {

class InitrdFiles final : public TreeFiles {
 public:
  InitrdFiles(InitrdArchive archive, std::string name)
      : TreeFiles(std::move(name)), archive_(std::move(archive)) {}

  ImageInfo info() const override {
    ImageInfo info{.state = archive_.fault_count() == 0 ? "clean" : "has faults"};
    for (const InitrdMember& member : archive_.members()) info.bytes += member.unpacked;
    return info;
  }
  const FileTree* tree() const override { return &archive_.tree(); }
  const InitrdArchive* initrd() const override { return &archive_; }

 private:
  InitrdArchive archive_;
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
