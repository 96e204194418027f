// Reads a checkpoint out of its image files.
#pragma once

#include "checkpoint/checkpoint.h"
#include "checkpoint/store.h"

namespace cg::checkpoint {

// Refused where not even the inventory and the tree of processes can be read. What else is missing or damaged
// is in `problems`, and the rest is read all the same.
Result<Checkpoint> load(const Store& store);
Result<Checkpoint> load(const std::filesystem::path& path);

// The processor in a cpuinfo.img, or in a directory with one, as `criu cpuinfo dump` writes it.
Result<Processor> load_processor(const std::filesystem::path& path);

}  // namespace cg::checkpoint
