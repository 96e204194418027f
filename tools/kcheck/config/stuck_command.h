// `kcheck stuck`: which requested symbols did not survive the kernel's conf, and why.
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "options.h"

namespace cg {

struct StuckCommand {
  std::vector<std::string> fragments;  // in order
  std::string config;                  // what conf wrote, in any form that load_config_input reads
  std::string tree;                    // empty: the reasons are not told
  std::string architecture;            // empty: from the configuration's header
};

Command stuck_command(const KcheckOptions& options);
Result<Report> check_stuck(const StuckCommand& command);

}  // namespace cg
