// The demonstration itself: make a container, pause it, dump it, see that it is gone, restore it, see that it
// goes on. Each step appends to the account; the first that fails ends the run, but what was learnt stays in
// the account.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "criu_command.h"
#include "state.h"

namespace cg::demo {

struct Plan {
  std::filesystem::path criu = "/usr/sbin/criu";
  std::filesystem::path workload = "/usr/bin/demo-workload";
  std::filesystem::path work = "/run/criu-demo";                   // must not exist, or be empty
  std::filesystem::path cgroup = "/sys/fs/cgroup/demo/container";  // two levels below the hierarchy's root
  std::chrono::seconds limit{60};  // for each single wait and each run of criu
  unsigned megabytes = 16;
  unsigned threads = 3;
  unsigned interval_ms = 20;
  Omissions omit;
};

struct Account {
  CriuVersion criu;
  std::string kernel;
  PropagationRule propagation = PropagationRule::any_namespace;
  pid_t pid = 0;  // of the container's init, outside
  pid_t restored_pid = 0;
  State before;    // the first line seen
  State at_dump;   // the last line before the dump
  State restored;  // the first line after the restore
  State after;     // the line that ended the observation
  bool paused = false;
  bool gone_in_between = false;
  std::vector<std::string> dump_command;
  std::vector<std::string> restore_command;
  double pause_seconds = 0;
  double dump_seconds = 0;
  double restore_seconds = 0;
  std::size_t image_files = 0;
  std::uint64_t image_bytes = 0;
  std::vector<Finding> findings;
  // Of a failure:
  std::string failed_step;
  Error failure;
  bool hung = false;                    // the time limit ended criu
  std::string log_tail;                 // the end of the log of the criu command that failed
  std::vector<std::string> log_errors;  // its lines that say Error

  bool ok() const;
};

// `say` gets one line of text for the reader per step.
Account demonstrate(const Plan& plan, const std::function<void(const std::string&)>& say);

// The account as JSON; main.cpp documents it.
std::string to_json(const Plan& plan, const Account& account);

}  // namespace cg::demo
