// What the content of a checkpoint asks of the kernel that restores it: which rows of the requirement matrix
// concern it, and how they stand there.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "criu/judge.h"

namespace cg::restore {

// The features of the matrix that its processes, files and namespaces need.
std::set<std::string> needed_features(const checkpoint::Checkpoint& checkpoint);

struct KernelAnswer {
  std::vector<Finding> findings;  // FAIL and WARN; UNKNOWN, which decides nothing; an environment's WARN
  std::vector<std::string> environment;  // "CRIU_FAULT=130": what the command needs
};
// `given`: the environment of a command that is judged; nullptr where one is proposed.
KernelAnswer judge_kernel(const checkpoint::Checkpoint& checkpoint, const Matrix& matrix, const Version& criu,
                          const Evidence& evidence, const std::vector<std::string>* given);
// The rows that can matter for it, so that no other is probed.
Matrix rows_for_restore(const checkpoint::Checkpoint& checkpoint, const Matrix& matrix, const Version& criu);

}  // namespace cg::restore
