// Runs the command in the guest and carries its streams to the host.
#pragma once

#include <string>
#include <vector>

#include "port.h"

namespace cg::guest {

// Runs argv with `environment` in a session of its own, cwd /, and sends started, its output and exited; or
// not_run. Output of children that outlive the command is not waited for.
void run_command(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                 Port& port);

}  // namespace cg::guest
