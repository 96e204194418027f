// Finds a path's inode in a file system, following its symbolic links from its root and never out of it.
#pragma once

#include <ext2fs/ext2fs.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::image {

struct Lookup {
  ext2_ino_t inode = 0;              // of the deepest component that exists
  std::vector<std::string> missing;  // the components below it that do not
  ext2_ino_t parent = 0;             // directory that holds `name`, when nothing is missing
  std::string name;                  // last component's own name there; empty for the root
};

enum class FinalLink { follow, keep };

// Refused: a component below something that is no directory, or more than 40 links.
Result<Lookup> look_up(ext2_filsys fs, std::string_view path, FinalLink final_link);

struct NamedInode {
  std::string name;
  ext2_ino_t inode = 0;
};
// A directory's entries but "." and "..", in their order on disk. `name` is for messages.
Result<std::vector<NamedInode>> list_entries(ext2_filsys fs, ext2_ino_t directory, const std::string& name);

// A symbolic link's target.
Result<std::string> read_link(ext2_filsys fs, ext2_ino_t inode, const std::string& name);

}  // namespace cg::image
