// An image as a tree of files; each directory is read once.
#pragma once

#include <map>

#include "image/tree/image_files.h"
#include "programs/root_tree.h"

namespace cg {

class ImageTree : public RootTree {
 public:
  explicit ImageTree(const image::ImageFiles& image) : image_(image) {}
  Result<std::optional<TreeEntry>> entry(const std::string& path) const override;
  Result<std::vector<std::string>> names(const std::string& directory) const override;
  Result<std::string> read(const std::string& path, std::uint64_t most) const override;

 private:
  using Directory = std::map<std::string, TreeEntry, std::less<>>;
  Result<const Directory*> directory(const std::string& path) const;

  const image::ImageFiles& image_;
  mutable std::map<std::string, Directory, std::less<>> directories_;
};

}  // namespace cg
