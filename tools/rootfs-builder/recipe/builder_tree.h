// An image in the making as a tree of files: what layers and recipe have put there so far.
#pragma once

#include "image/tree/new_files.h"
#include "programs/root_tree.h"

namespace cg {

class BuilderTree : public RootTree {
 public:
  explicit BuilderTree(image::NewFiles& builder) : builder_(builder) {}
  Result<std::optional<TreeEntry>> entry(const std::string& path) const override;
  Result<std::vector<std::string>> names(const std::string& directory) const override;
  Result<std::string> read(const std::string& path, std::uint64_t most = UINT64_MAX) const override;

 private:
  std::optional<image::InodeIndex> find(const std::string& path) const;

  image::NewFiles& builder_;
};

}  // namespace cg
