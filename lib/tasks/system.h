// What the system under the tree takes from it: the rows of the requirement matrix that `kcheck live` judges,
// as far as this tree has what they are about.
#pragma once

#include <string>
#include <vector>

#include "criu/judge.h"
#include "tasks/dump_options.h"
#include "tasks/snapshot.h"

namespace cg::tree {

struct SystemRow {
  Finding finding;          // judged with every feature asked for
  std::string environment;  // with which CRIU does without it; "": nothing
};

// The rows that a tree may need of a system, for one CRIU version; and what they say there.
Matrix rows_for_trees(const Matrix& matrix, const Version& criu);
std::vector<SystemRow> judge_system(const Matrix& rows, const Version& criu, const Evidence& evidence);

// Whether a command is proposed, so that its environment may be as well, or judged as it is given.
enum class CommandMode { proposal, as_given };

struct SystemAnswer {
  std::vector<Finding>
      findings;  // FAIL; WARN where the environment clears it; UNKNOWN, which decides nothing
  std::vector<std::string> environment;  // what the commands need: "CRIU_FAULT=130"
};

// `given`: the environment of the command that is judged.
SystemAnswer system_of(const Snapshot& tree, const DumpOptions& options, const std::vector<SystemRow>& rows,
                       const std::vector<std::string>& given, CommandMode mode);

}  // namespace cg::tree
