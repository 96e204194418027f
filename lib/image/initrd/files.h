// The files of an initrd, as its kernel would have them.
#pragma once

#include <memory>

#include "image/initrd/archive.h"
#include "image/tree/tree_files.h"

namespace cg::image {

class InitrdFiles final : public TreeFiles {
 public:
  InitrdFiles(Device& file, InitrdArchive archive)
      : TreeFiles(file.name()), file_(file), archive_(std::move(archive)) {}

  ImageInfo info() const override;
  const FileTree& tree() const override { return archive_.tree(); }
  const InitrdArchive& archive() const { return archive_; }
  Device& file() const { return file_; }

 private:
  Device& file_;
  InitrdArchive archive_;
};

// `file` must stay where it is. Refused as InitrdArchive::read() says.
Result<std::unique_ptr<InitrdFiles>> open_initrd_files(Device& file);

}  // namespace cg::image
