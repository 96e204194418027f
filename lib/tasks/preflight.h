// Would `criu dump` of a process tree be refused, or hang, and what command works? Everything that is known
// of it, for the one who asks (kcheck tree) and for the one who then does it (guest-checkpoint).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "criu/judge.h"
#include "report/report.h"
#include "tasks/plan.h"
#include "tasks/snapshot.h"
#include "tasks/system.h"
#include "tasks/trial.h"

namespace cg {

// What is needed of the place this runs in; a test scripts it.
struct TreeSystem {
  std::function<Result<tree::Snapshot>(int pid)> collect;
  std::function<ProbeResult(std::string_view name)> probe;
  std::function<Result<std::string>(const std::string& file)> read;
  // What is known of this system; and what a trial says, where one is wanted.
  std::function<std::vector<tree::SystemRow>(const Version& criu)> judge;
  std::function<Result<std::optional<Trial>>(const Version& criu)> trial;
};
// The real one, without a trial. `rows` are those of the matrix.
TreeSystem real_tree_system(const Matrix& rows);

namespace tree {

struct Request {
  int pid = 0;
  std::string spec;                     // an OCI runtime spec that names the bind mounts; "": none
  std::vector<std::string> command;     // a criu command line to judge; empty: one is proposed
  std::vector<std::string> given = {};  // dump options that a proposal begins with
};

struct Preflight {
  Subject subject;  // verdict, findings; the two commands where they would work
  Snapshot snapshot;
  Plan plan;                             // of a proposal
  std::vector<std::string> environment;  // "CRIU_FAULT=130": what both commands need
  std::vector<std::string> restore;      // the restore's own words, behind --restore-detached
};

Result<Preflight> preflight(const Request& request, const Version& criu, const TreeSystem& system);

}  // namespace tree
}  // namespace cg
