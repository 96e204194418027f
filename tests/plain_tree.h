// The smallest process tree that nothing stands against, for tests of single checks.
#pragma once

#include "tasks/snapshot.h"

namespace cg::tree {

// One process, a session leader, in the namespaces of kcheck.
inline Snapshot plain_tree() {
  Snapshot tree;
  Task task;
  task.pid = 126;
  task.status.name = "app";
  task.status.state = 'S';
  task.status.threads = 1;
  task.status.pid = task.status.pgid = task.status.sid = {126};
  task.stat.session = 126;
  task.thread_states = "S";
  tree.tasks.push_back(task);
  tree.own_pid = 5000;
  return tree;
}

}  // namespace cg::tree
