// `kcheck tree PID [-- criu dump …]`: would `criu dump` of this process tree be refused, or hang, and what
// command works?
#pragma once

#include <string>

#include "live/live.h"
#include "options.h"
#include "tasks/preflight.h"

namespace cg {

struct TreeCommand {
  int pid = 0;
  std::string spec;  // --spec FILE: an OCI runtime spec
};

// With a trial of `binary`, where one is wanted; "": of the one on PATH.
TreeSystem tree_system_with(WithTrial trial, const Matrix& matrix, const std::string& binary);

// A command to judge goes to options.passthrough.
Command tree_command(KcheckOptions& options);

// Judges the criu command behind `--` (options.passthrough); without one, a command is proposed.
Result<Report> check_tree(const KcheckOptions& options, const TreeCommand& command, const Version& criu,
                          const TreeSystem& system);

}  // namespace cg
