// Looks into an image without mounting it: an ext2/3/4 or EROFS file system, wherever in the file it lies, or
// an initrd.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/disk/layout.h"
#include "image/formats.h"
#include "image/tree/image_files.h"

namespace cg::image {

class ImageReader final : public ImageFiles {
 public:
  // Never writes: an interrupted edit is undone in memory. The kind is found by itself, and so is the file
  // system in a disk, or it is the partition asked for. Refused when there is neither an ext2/3/4 or EROFS
  // file system nor an initrd, or one that is damaged or has features that are not known.
  static Result<ImageReader> open(const std::filesystem::path& image, std::optional<unsigned> partition = {});
  ImageReader(ImageReader&&) noexcept;
  ImageReader& operator=(ImageReader&&) noexcept;
  ~ImageReader() override;

  const std::string& name() const override { return name_; }
  ImageInfo info() const override { return files_->info(); }
  using ImageFiles::read;
  using ImageFiles::stat;
  Result<FileInfo> stat(std::string_view path, LastLink last) const override {
    return files_->stat(path, last);
  }
  Result<std::vector<DirectoryItem>> list(std::string_view path) const override { return files_->list(path); }
  Result<void> read(std::string_view path, std::span<const DataRange> ranges,
                    const PieceSink& sink) const override {
    return files_->read(path, ranges, sink);
  }
  Result<std::vector<DataRange>> data(std::string_view path) const override { return files_->data(path); }
  Result<std::vector<Xattr>> xattrs(std::string_view path) const override { return files_->xattrs(path); }

  const ImageFiles& files() const { return *files_; }
  // What only one kind has: the files as that kind (ExtFiles, TreeFiles, InitrdFiles), or nullptr where they
  // are another's.
  template <class Kind>
  const Kind* as() const {
    return dynamic_cast<const Kind*>(files_.get());
  }
  Volume volume() const;
  int fd() const;  // of the image file
  // Its bytes: those of the file, or where an edit of it was interrupted, as they were before.
  Device& disk() const;
  // That it is so, for who looks at it; else "".
  std::string remark() const;
  const DiskLayout& layout() const;
  const Place& place() const;

 private:
  struct File;
  ImageReader();

  std::string name_;
  std::unique_ptr<File> file_;
  std::unique_ptr<ImageFiles> files_;  // looks into file_
};

}  // namespace cg::image
