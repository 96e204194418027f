// What in a process tree CRIU would refuse, or wait for without end. Each check is a function of what was
// seen, the CRIU version and the options of the dump; facts and texts are those of CRIU's sources, named in
// `source`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "criu/version.h"
#include "report/report.h"
#include "tree/dump_options.h"
#include "tree/snapshot.h"

namespace cg::tree {

struct Hindrance {
  std::string id;  // "tree.session-outside"
  std::string title;
  std::string object;  // the task, descriptor, mount, socket … it is about
  std::string prints;  // what CRIU would say
  std::string fix;
  std::string source;
  Verdict verdict = Verdict::fail;        // WARN: the dump goes through, but something is lost or to be known
  std::string severity = "dump";          // or "restore"
  std::vector<std::string> dump_options;  // that clear it; empty: no option does
  std::vector<std::string> restore_options;
};
using Hindrances = std::vector<Hindrance>;

struct Question {
  const Snapshot& tree;
  Version criu;
  DumpOptions options;
};

// The tasks in a namespace of a kind that may not be nested.
std::set<int> nested_tasks(const Snapshot& tree);

void check_tasks(const Question& question, Hindrances& found);
void check_sessions(const Question& question, Hindrances& found);
void check_namespaces(const Question& question, Hindrances& found);
void check_cgroups(const Question& question, Hindrances& found);
void check_mounts(const Question& question, Hindrances& found);
void check_files(const Question& question, Hindrances& found);
void check_references(const Question& question, Hindrances& found);
void check_watches(const Question& question, Hindrances& found);
void check_terminals(const Question& question, Hindrances& found);
void check_pipes(const Question& question, Hindrances& found);
void check_sockets(const Question& question, Hindrances& found);
void check_links(const Question& question, Hindrances& found);
void check_memory(const Question& question, Hindrances& found);

Hindrances check_all(const Question& question);

// What several checks ask.
bool is_character_device(const FileStat& stat);
bool is_terminal(const FileStat& stat);

}  // namespace cg::tree
