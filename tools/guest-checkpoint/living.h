// Who of a tree runs, and what is kept of a failed run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tasks/snapshot.h"

namespace cg::checkpoint {

// The tasks that are there, the same ones, and neither stopped by a tracer nor dead.
std::vector<int> living(const tree::Snapshot& snapshot);
std::vector<int> living(const std::vector<int>& pids);

// Copies criu's log beside the directory that the images were to have: DIR.log. Its name; "": there is none.
std::string log_kept_at(const std::filesystem::path& log, const std::filesystem::path& destination);

}  // namespace cg::checkpoint
