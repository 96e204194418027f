// --before and --after: a program of the user's, with what is being done in its environment
// (docs/guest-checkpoint.md).
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace cg::checkpoint {

struct HookScene {
  std::string action;  // "dump", "restore"
  std::string moment;  // "before", "after"
  std::string directory;
  std::string target;
  int pid = 0;
  std::string result;  // after: "dumped", "failed", ...
};
std::map<std::string, std::string> hook_environment(const HookScene& scene);

// Runs `command`, words apart at blanks, without a shell. Refused with its status where it says no.
Result<void> run_hook(const std::string& command, const HookScene& scene);

}  // namespace cg::checkpoint
