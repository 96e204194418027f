// `guest-checkpoint dump`: asks first, and then takes the checkpoint, or leaves everything as it was.
#pragma once

#include <string>
#include <vector>

#include "base/cli/command.h"
#include "document.h"
#include "target.h"
#include "tasks/preflight.h"

namespace cg::checkpoint {

struct DumpWords {
  TargetWords target;
  std::string directory;
  bool leave_running = false;
  bool leave_stopped = false;
  bool pre_dump = false;
  bool compress = false;
  std::string archive;
  std::string criu;
  double timeout = 120;  // seconds
  std::string before, after;
  bool dry_run = false;
  bool quiet = false;
  std::vector<std::string> extra;  // options of criu's
};

// What is known before anything is done.
struct DumpPlan {
  Target target;
  tree::Preflight preflight;
  Version criu;
  std::vector<std::vector<std::string>> commands;  // criu's, in order; the last one is the dump
  std::vector<std::string> steps;                  // in words
};
// `directory` is where criu writes, `destination` the name that the images get.
std::vector<std::vector<std::string>> dump_commands(const DumpWords& words, const std::string& criu, int pid,
                                                    const std::vector<std::string>& options,
                                                    const std::string& directory);
std::vector<std::string> dump_steps(const DumpWords& words, const DumpPlan& plan);

Command dump_command();

}  // namespace cg::checkpoint
