// The files of an image whose names are all in memory: an initrd's, an EROFS file system's.
#pragma once

#include <string>

#include "image/tree/file_tree.h"
#include "image/tree/image_files.h"

namespace cg::image {

class TreeFiles : public ImageFiles {
 public:
  // `name` is the image's, for messages.
  explicit TreeFiles(std::string name) : name_(std::move(name)) {}
  virtual const FileTree& tree() const = 0;

  const std::string& name() const override { return name_; }
  using ImageFiles::read;
  using ImageFiles::stat;
  Result<FileInfo> stat(std::string_view path, LastLink last) const override;
  Result<std::vector<DirectoryItem>> list(std::string_view path) const override;
  Result<void> read(std::string_view path, std::span<const DataRange> ranges,
                    const PieceSink& sink) const override;
  Result<std::vector<DataRange>> data(std::string_view path) const override;
  Result<std::vector<Xattr>> xattrs(std::string_view path) const override;

 private:
  Result<FileTree::Index> find(std::string_view path, LastLink last) const;
  FileInfo info_of(FileTree::Index index) const;

  std::string name_;
  mutable FileTree::Trail trail_;
};

}  // namespace cg::image
