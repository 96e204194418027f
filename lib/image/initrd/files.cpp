#include "image/initrd/files.h"

namespace cg::image {

ImageInfo InitrdFiles::info() const {
  ImageInfo info{.state = archive_.fault_count() == 0 ? "clean" : "has faults"};
  for (const InitrdMember& member : archive_.members()) info.bytes += member.unpacked;
  return info;
}

Result<std::unique_ptr<InitrdFiles>> open_initrd_files(Device& file) {
  CG_TRY(archive, InitrdArchive::read(file));
  return std::make_unique<InitrdFiles>(file, std::move(archive));
}

}  // namespace cg::image
