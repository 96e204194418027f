// `guest-checkpoint restore`: looks whether it can be, restores, and proves that the tasks run.
#pragma once

#include <string>
#include <vector>

#include "base/cli/command.h"

namespace cg::checkpoint {

struct RestoreWords {
  std::string what;  // a directory or an archive
  bool detach = false;
  std::vector<std::string> maps;  // KEY=PATH
  std::string root;
  std::string criu;
  double timeout = 120;  // seconds
  std::string before, after;
  bool dry_run = false;
  std::vector<std::string> extra;  // options of criu's
};

Command restore_command();

}  // namespace cg::checkpoint
