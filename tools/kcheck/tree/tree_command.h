// `kcheck tree PID [-- criu dump …]`: would `criu dump` of this process tree be refused, or hang, and what
// command works?
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "criu/judge.h"
#include "live/live.h"
#include "options.h"
#include "tasks/snapshot.h"
#include "tasks/system.h"

namespace cg {

struct TreeCommand {
  int pid = 0;
  std::string spec;  // --spec FILE: an OCI runtime spec
};

// What is needed of the place kcheck runs in; a test scripts it.
struct TreeSystem {
  std::function<Result<tree::Snapshot>(int pid)> collect;
  std::function<ProbeResult(std::string_view name)> probe;
  std::function<Result<std::string>(const std::string& file)> read;
  // What `kcheck live` knows of this system; and what a trial says, where one is wanted.
  std::function<std::vector<tree::SystemRow>(const Version& criu)> judge;
  std::function<Result<std::optional<Trial>>(const Version& criu)> trial;
};
// `binary`: the criu of the trial; "": the one on PATH.
TreeSystem real_tree_system(const Matrix& matrix, WithTrial trial = WithTrial::no,
                            const std::string& binary = {});

// A command to judge goes to options.behind.
Command tree_command(KcheckOptions& options);

// Judges the criu command behind `--` (options.behind); without one, a command is proposed.
Result<Report> check_tree(const KcheckOptions& options, const TreeCommand& command, const Version& criu,
                          const TreeSystem& system);

}  // namespace cg
