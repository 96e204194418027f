#include "tree/checks/checks.h"

namespace cg::tree {

Findings check_all(const Question& question) {
  Findings found;
  for (const auto check : {check_tasks, check_namespaces, check_cgroups, check_mounts, check_files,
                           check_terminals, check_pipes, check_sockets, check_memory})
    check(question, found);
  return found;
}

}  // namespace cg::tree
