// Whether a directory of CRIU's images is whole: every file that the process tree asks for is there, and none
// is cut. What the images say otherwise is not looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::checkpoint {

struct ImagesState {
  std::vector<int> pids;  // of the tree, the root first, in the tree's own pid namespace
  std::size_t threads = 0;
  std::size_t files = 0;
  std::uint64_t bytes = 0;         // of all files
  std::uint64_t pages = 0;         // bytes of memory
  double frozen_seconds = 0;       // how long the tasks stood still, as criu counted; 0: not told
  std::vector<std::string> flaws;  // "core-12.img: missing"
};

// Cannot: the directory cannot be read.
Result<ImagesState> look_at_checkpoint(const std::filesystem::path& directory);

}  // namespace cg::checkpoint
