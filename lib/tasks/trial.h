// `--try`: dumps and restores a throw-away process with a criu, which tells more than any probe: whether this
// criu works here at all, and where it got stuck.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "report/report.h"

namespace cg {

struct Trial {
  enum class Step { none, dump, restore, life };

  std::string criu;
  std::string environment;   // "CRIU_FAULT=130" when it works only with that; "": as it is
  Step failed = Step::none;  // life: restored, and then it did not go on
  bool hung = false;         // in that step
  std::chrono::duration<double> time{};
  std::vector<std::string> log;  // of the step that failed: its first errors, and its last line
};

// Leaves nothing behind: neither processes nor files, also when criu hangs or is killed half-way. `limit` is
// for each of the two commands. Where criu hangs, it is tried without hardware breakpoints as well. Cannot:
// no process or directory for it could be made.
Result<Trial> try_criu(const std::string& criu, std::chrono::milliseconds limit = std::chrono::seconds(15));

// "live.trial".
Finding finding_of(const Trial& trial);

// What was seen to work outranks a probe or a configuration that says otherwise: such a FAIL becomes a WARN.
// Of a trial that worked. Its process has neither sockets nor mounts: it proves that criu starts, and that it
// can enter and leave a task.
void outrank(Finding& finding, const Trial& trial);

}  // namespace cg
