// The files of an initrd, as its kernel would have them.
#pragma once

#include <memory>

#include "image/disk/layout.h"
#include "image/initrd/archive.h"
#include "image/tree/tree_files.h"

namespace cg::image {

class InitrdFiles final : public TreeFiles {
 public:
  InitrdFiles(InitrdArchive archive, std::string name)
      : TreeFiles(std::move(name)), archive_(std::move(archive)) {}

  ImageInfo info() const override;
  const FileTree& tree() const override { return archive_.tree(); }
  const InitrdArchive& archive() const { return archive_; }

 private:
  InitrdArchive archive_;
};

bool is_initrd(const DiskLayout& layout);
// `file` must stay where it is. Refused as InitrdArchive::read() says.
Result<std::unique_ptr<InitrdFiles>> open_initrd_files(Device& file);

}  // namespace cg::image
