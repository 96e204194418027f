// The demonstration itself: make a container, pause it, have guest-checkpoint dump it, see that it is gone,
// have it restored, see that it goes on. Each step appends to the account; the first that fails ends the run,
// but what was learnt stays in the account.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "state.h"

namespace cg::demo {

struct Plan {
  std::filesystem::path criu = "/usr/sbin/criu";
  std::filesystem::path guest_checkpoint = "/usr/bin/guest-checkpoint";
  std::filesystem::path workload = "/usr/bin/demo-workload";
  std::filesystem::path work = "/run/criu-demo";                   // must not exist, or be empty
  std::filesystem::path cgroup = "/sys/fs/cgroup/demo/container";  // two levels below the hierarchy's root
  std::chrono::seconds limit{60};  // for each single wait and each run of criu
  unsigned megabytes = 16;
  unsigned threads = 3;
  unsigned interval_ms = 20;
  std::set<std::string> without;  // "session": the container's init leads none; "pause": it is not frozen
};

struct Account {
  std::string kernel;
  pid_t pid = 0;  // of the container's init, outside
  pid_t restored_pid = 0;
  State before;    // the first line seen
  State at_dump;   // the last line before the dump
  State restored;  // the first line after the restore
  State after;     // the line that ended the observation
  bool paused = false;
  bool gone_in_between = false;
  nlohmann::ordered_json dump = nlohmann::ordered_json::object();  // what guest-checkpoint said
  nlohmann::ordered_json restore = nlohmann::ordered_json::object();
  double pause_seconds = 0;
  double dump_seconds = 0;  // of the whole call
  double restore_seconds = 0;
  std::vector<Finding> findings;
  std::string failed_step;  // and why
  Error failure;

  bool ok() const;
};

// `say` gets one line of text for the reader per step.
Account demonstrate(const Plan& plan, const std::function<void(const std::string&)>& say);

// The account as JSON; main.cpp documents it.
std::string to_json(const Plan& plan, const Account& account);

}  // namespace cg::demo
