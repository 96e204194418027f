// Whether a checkpoint is whole: every image that its process tree asks for is there, and none is cut.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace cg::checkpoint {

struct ImagesState {
  Checkpoint images;               // as far as it could be read
  std::vector<std::string> flaws;  // "/d/core-12.img: it is not there"; empty: the images are whole

  std::vector<int> pids() const;  // of the tree, the root first, in the tree's own pid namespace
  std::size_t threads() const;
  std::uint64_t memory_bytes() const;  // of the files that hold pages
  double frozen_seconds() const;       // how long the tasks stood still, as criu counted; 0: not told
};

// Cannot: the directory cannot be read.
Result<ImagesState> look_at_checkpoint(const std::filesystem::path& directory);

}  // namespace cg::checkpoint
