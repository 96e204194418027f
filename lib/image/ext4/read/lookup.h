// Finds a path's inode in a file system, following its symbolic links from its root and never out of it.
#pragma once

#include <ext2fs/ext2fs.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/path_walk.h"
#include "base/result.h"

namespace cg::image {

using Lookup = PathEnd<ext2_ino_t>;
using Trail = PathTrail<ext2_ino_t>;

// Refused: a component below something that is no directory, or more than 40 links.
// `trail`: of a file system that does not change.
Result<Lookup> look_up(ext2_filsys fs, std::string_view path, LastLink last, Trail* trail = nullptr);

struct NamedInode {
  std::string name;
  ext2_ino_t inode = 0;
};
// A directory's entries but "." and "..", in their order on disk. `name` is for messages.
Result<std::vector<NamedInode>> list_entries(ext2_filsys fs, ext2_ino_t directory, const std::string& name);

// A symbolic link's target.
Result<std::string> read_link(ext2_filsys fs, ext2_ino_t inode, const std::string& name);

}  // namespace cg::image
