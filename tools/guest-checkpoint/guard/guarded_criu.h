// Runs a criu so that its end, however it comes, is not its tasks' end: with a limit, with an eye on whether
// it still moves, and as its tracer (rescue.h). Killed ourselves, criu goes on and ends what it began: it has
// a session of its own and writes to files.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "explain/scene.h"
#include "guard/rescue.h"

namespace cg::checkpoint {

struct GuardedRun {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  // beside this process's own
  std::filesystem::path output;                    // what criu prints
  std::vector<int> kept;                           // descriptors that criu inherits
  std::chrono::milliseconds limit;
  std::chrono::milliseconds still;  // without a sign of life for that long, it hangs
  // Switches off what holds the tasks frozen, and says what that was; "": nothing does.
  std::function<std::string()> thaw;
  const Before* before = nullptr;  // of the tree that is dumped; nullptr: there is nothing to rescue
};

struct GuardedEnd {
  enum class How { ended, killed, hung, out_of_time, interrupted };
  How how = How::ended;
  int status = 0;  // exit status, or 128 + signal
  double seconds = 0;
  std::optional<ProcessSeen> seen;  // criu and its tasks, before it was killed for hanging
  Rescued rescued;
  std::vector<std::string> notes;
  bool traced = false;
};

// Cannot: criu could not be started.
Result<GuardedEnd> run_guarded(const GuardedRun& run);

}  // namespace cg::checkpoint
