// Keeps two runs on one thing apart: the second is told, and does not wait.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace cg::checkpoint {

// `name` is a file's below /run/guest-checkpoint. Cannot: somebody holds it, as `what` says.
Result<UniqueFd> lock_name(const std::string& name, const std::string& what);
// A directory that is written to.
Result<UniqueFd> lock_directory(const std::string& directory, const std::string& what);

}  // namespace cg::checkpoint
