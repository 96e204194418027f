// What in a process tree CRIU would refuse, or wait for without end. Each check is a function of what was
// seen, the CRIU version and the options of the dump; its words are rows of recipes/criu-tree.toml.
#pragma once

#include <set>

#include "criu/version.h"
#include "tasks/dump_options.h"
#include "tasks/findings.h"
#include "tasks/snapshot.h"

namespace cg::tree {

struct Question {
  const Snapshot& tree;
  Version criu;
  DumpOptions options;
};

// The tasks in a namespace of a kind that may not be nested.
std::set<int> nested_tasks(const Snapshot& tree);

void check_tasks(const Question& question, Findings& found);
void check_labels(const Question& question, Findings& found);
void check_sessions(const Question& question, Findings& found);
void check_namespaces(const Question& question, Findings& found);
void check_cgroups(const Question& question, Findings& found);
void check_mounts(const Question& question, Findings& found);
void check_files(const Question& question, Findings& found);
void check_references(const Question& question, Findings& found);
void check_watches(const Question& question, Findings& found);
void check_terminals(const Question& question, Findings& found);
void check_pipes(const Question& question, Findings& found);
void check_sockets(const Question& question, Findings& found);
void check_links(const Question& question, Findings& found);
void check_memory(const Question& question, Findings& found);

Findings check_all(const Question& question);

// What several checks ask.
bool is_character_device(const FileStat& stat);
bool is_terminal(const FileStat& stat);

}  // namespace cg::tree
