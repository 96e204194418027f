// Starts the task of a case where the case wants it, and does to it what the case wants afterwards.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace cg::lab {

struct Running {
  pid_t pid = -1;                // the root of the tree, as seen from here
  pid_t companion = -1;          // keeps its namespace alive, traces it, …
  std::filesystem::path record;  // where it counts, as seen from here
  std::filesystem::path inside;  // the same, as the task sees it
  std::filesystem::path cgroup;  // "" when it is in none of its own
  std::string runtime;           // that made it: "runc", "crun"; "": the lab itself
  std::string container;         // its name there
  std::filesystem::path bundle;
  std::vector<UniqueFd> held;          // the other ends of its pipes and terminals
  std::filesystem::path outside_file;  // opened outside of its mounts
};

// The places a task can be started in.
std::vector<std::string> known_places();
// Refused: this kernel does not have what the task is to hold.
Result<Running> start(const std::string& place, const std::vector<std::string>& holds,
                      const std::filesystem::path& work);
// "freeze", "freeze-parent", "freeze-v1", "stranger", "trace".
Result<void> afterwards(const std::string& deed, Running& running);

// Whether it still counts: waits until the number in the record grows, at most two seconds.
bool counts_on(const Running& running);
// Thaws, kills and reaps what is left of it, and takes its cgroups away.
void finish(Running& running);

// Descriptors for restore's --inherit-fd, by the key that CRIU knows them by. Inheritable; -1: none of that
// kind.
int descriptor_for(const std::string& key, Running& running);

// A terminal whose master is kept here; its name.
Result<std::string> new_terminal(Running& running);

// The process outside: it accepts connections on TCP port 9000 and in /run/lab.
Result<pid_t> start_outside();

}  // namespace cg::lab
