// /proc/PID/status and /proc/PID/stat: the fields that matter to a checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::procfs {

struct Status {
  std::string name;
  char state = '?';
  int tracer = 0;             // TracerPid
  std::vector<int> pid;       // NSpid: in the reader's pid namespace first, in the task's own last
  std::vector<int> pgid;      // NSpgid; 0: the leader is outside of that namespace
  std::vector<int> sid;       // NSsid; likewise
  std::uint64_t pending = 0;  // SigPnd of the thread | ShdPnd of the process; bit N-1 is signal N
  int seccomp = 0;            // 0 none, 1 strict, 2 filter
  int threads = 0;
  bool kernel_thread = false;
};

Result<Status> parse_status(std::string_view text, const std::string& name = "status");

struct Stat {
  int pid = 0;
  std::string comm;
  char state = '?';
  int parent = 0;
  int group = 0;
  int session = 0;
  int tty = 0;  // device number of the controlling terminal; 0: none
  int threads = 0;
  std::uint64_t start_time = 0;  // clock ticks after boot
  // Addresses that fork() copies and execve() makes anew; 0 without the right to trace the task. Two
  // processes with different ones do not share their memory.
  std::uint64_t start_stack = 0;
};

Result<Stat> parse_stat(std::string_view text, const std::string& name = "stat");

}  // namespace cg::procfs
