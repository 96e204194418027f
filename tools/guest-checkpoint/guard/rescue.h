// A criu that dies in the middle of a dump loses tasks: whoever runs criu's code, or has its registers set
// for a system call of criu's, goes on there when the tracer is gone, and ends by SIGTRAP, SIGSEGV or
// SIGPIPE. Every tenth kill of criu at any moment does that.
//
// So whoever started criu traces it, and is told of its end before its tasks are (PTRACE_EVENT_EXIT). There
//   1. what criu has saved of each thread is read out of its memory: a thread's signal mask and its registers
//      stand there side by side (compel's struct thread_ctx), found by what never changes, the thread's TLS
//      base;
//   2. every task gets a SIGSTOP, so that it stops when it is let go, before it runs one instruction;
//   3. criu may end; the threads that are in criu's code get their registers and masks back, the tasks their
//      code, and lose criu's mapping and socket; then they go on.
// Of a task that was not infected nothing is changed. x86_64; elsewhere tasks are let go as they are.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tasks/snapshot.h"

namespace cg::checkpoint {

// What is remembered of a tree before criu comes near it.
struct Before {
  struct Code {
    std::uint64_t address = 0;  // the first executable mapping, where criu puts its system calls
    std::string bytes;
  };
  std::map<int, Code> code;  // by pid
  std::vector<int> stopped;  // by a signal, already then
};
Before remember(const tree::Snapshot& snapshot);

struct Rescued {
  std::size_t tasks = 0;     // that criu held when it died
  std::size_t repaired = 0;  // threads that were in criu's code
  std::vector<std::string> trouble;
};

class Rescue {
 public:
  explicit Rescue(const Before& before) : before_(before) {}
  // When `criu`, which this process traces, is about to die of a signal.
  void hold(pid_t criu);
  // When it is dead: puts right and lets go.
  Rescued release();

 private:
  struct Piece {
    std::uint64_t address = 0;
    std::string bytes;
  };
  struct Thread {
    int pid = 0;
    int tid = 0;
  };
  const Before& before_;
  std::vector<Piece> memory_;  // of criu
  std::vector<Thread> threads_;
  std::vector<int> helpers_;  // criu's children; one of them stops itself and waits for criu
};

}  // namespace cg::checkpoint
