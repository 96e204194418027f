#include <fmt/format.h>

#include <algorithm>

#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

// The number in the innermost pid namespace.
int innermost(const std::vector<int>& numbers, int fallback) {
  return numbers.empty() ? fallback : numbers.back();
}

void check_session(const Task& task, Hindrances& found) {
  if (innermost(task.status.sid, task.stat.session) != 0 || task.status.kernel_thread) return;
  const int inside = innermost(task.status.pid, task.pid);
  found.push_back(
      {.id = "tree.session-outside",
       .title = "the session's leader is outside of the pid namespace",
       .object = task.name(),
       .prints =
           task.zombie()
               ? fmt::format("A session leader of zombie process {}({}) is outside of its pid namespace",
                             task.pid, inside)
               : fmt::format("A session leader of {}({}) is outside of its pid namespace", task.pid, inside),
       .fix = "no option clears it, --shell-job does not help: the program's start must call setsid(2) "
              "inside of "
              "the pid namespace (start it as `setsid COMMAND`; Kata's agent does it by itself since 4.1.0)",
       .source = "v4.2:criu/cr-dump.c:1681"});
}

void check_root(const Question& question, Hindrances& found) {
  const Task& root = question.tree.root();
  if (root.zombie()) {
    found.push_back({.id = "tree.root-dead",
                     .title = "the root task has ended",
                     .object = root.name(),
                     .prints = "A root task is dead",
                     .fix = "nothing is left to dump",
                     .source = "v4.2:criu/seize.c"});
    return;
  }
  const int pid = innermost(root.status.pid, root.pid);
  const int sid = innermost(root.status.sid, root.stat.session);
  if (sid == 0 || sid == pid || question.options.shell_job) return;
  found.push_back(
      {.id = "tree.not-session-leader",
       .title = "the root task leads no session",
       .object = fmt::format("{}, session {}", root.name(), sid),
       .prints = fmt::format("The root process {} is not a session leader. Consider using --shell-job "
                             "option",
                             pid),
       .fix = "start it with setsid, or give --shell-job to dump and restore",
       .source = "v4.2:criu/pstree.c:304",
       .dump_options = {"--shell-job"},
       .restore_options = {"--shell-job"}});
}

void check_stopped(const Question& question, const Task& task, Hindrances& found) {
  if (task.status.tracer != 0)
    found.push_back({.id = "tree.traced",
                     .title = "another process traces it",
                     .object = fmt::format("{}, traced by {}", task.name(), task.status.tracer),
                     .prints = fmt::format("Unseizable non-zombie {} found, state {}, err -1/10", task.pid,
                                           task.status.state),
                     .fix = "end the debugger, strace or the earlier criu that holds it",
                     .source = "v4.2:compel/src/lib/infect.c:261"});
  else if (task.status.state == 'D')
    found.push_back(
        {.id = "tree.uninterruptible",
         .title = "waits in the kernel and cannot be stopped",
         .object = fmt::format("{}, state D", task.name()),
         .prints = fmt::format("Unseizable non-zombie {} found, state D, err -1/4", task.pid),
         .fix = "let it go on first: /proc/PID/wchan names what it waits for (a disk, a FUSE or virtiofs "
                "server, the child of a vfork)",
         .source = "v4.2:compel/src/lib/infect.c:261"});
  const bool stopped = task.thread_states.contains('T');
  if (!task.zombie() && stopped && task.thread_states.find_first_not_of("TZX") != std::string::npos)
    found.push_back(
        {.id = "tree.threads-stopped",
         .title = "some threads are stopped and others are not",
         .object = fmt::format("{}, threads in states {}", task.name(), task.thread_states.substr(0, 40)),
         .prints = "Individually stopped threads not supported",
         .fix = "let the stopped threads go on",
         .source = "v4.2:criu/seize.c:939"});
  const auto alive =
      std::ranges::count_if(task.thread_states, [](char state) { return state != 'Z' && state != 'X'; });
  if (task.zombie() && (alive > 0 || task.status.threads > 1))
    found.push_back({.id = "tree.zombie-with-threads",
                     .title = "its main thread has ended, others go on",
                     .object = task.name(),
                     .prints = "Zombies with threads are not supported",
                     .fix = "the main thread must wait for the others",
                     .source = "v4.2:criu/seize.c:882"});
  constexpr std::uint64_t sigtrap = 1ULL << 4;
  if (task.status.pending & sigtrap)
    found.push_back({.id = "tree.pending-sigtrap",
                     .title = "a SIGTRAP waits for it",
                     .object = task.name(),
                     .prints = fmt::format("Can't dump the {} thread with a pending SIGTRAP.", task.pid),
                     .fix = "let it handle the signal first",
                     .source = "v4.2:compel/src/lib/infect.c:322"});
  if (task.pid == question.tree.own_pid)
    found.push_back({.id = "tree.self-inside",
                     .title = "kcheck, and so a criu started from here, is in the tree",
                     .object = task.name(),
                     .prints = "The criu itself is within dumped tree.",
                     .fix = "start criu from outside of the tree: another shell, another session",
                     .source = "v4.2:compel/src/lib/infect.c:259"});
}

void check_limits(const Task& task, Hindrances& found) {
  if (task.may_read_limits || task.zombie()) return;
  found.push_back({.id = "tree.limits-hidden",
                   .title = "a task of another user, whose limits criu may not read from here",
                   .object = task.name(),
                   .prints = "Can't get rlimit 0: Operation not permitted",
                   .fix = "start criu with CAP_SYS_RESOURCE in the task's user namespace",
                   .source = "v4.2:criu/cr-dump.c"});
}

void check_program(const Question& question, const Task& task, Hindrances& found) {
  if (task.elf == ElfClass::bits_32 && !question.tree.criu_has_compat.value_or(false))
    found.push_back(
        {.id = "tree.32-bit",
         .title = question.tree.criu_has_compat ? "a 32-bit program, and this criu is not built for them"
                                                : "a 32-bit program: not every criu is built for them",
         .object = task.name(),
         .prints = fmt::format("Can't dump task {} running in 32-bit mode", task.pid),
         .fix = "take a criu that was built with compat support (`criu check --feature compat_cr` tells) "
                "on a kernel with IA32_EMULATION; criu-builder's has none",
         .source = "v4.2:compel/arch/x86/src/lib/infect.c:612",
         .verdict = question.tree.criu_has_compat ? Verdict::fail : Verdict::warn});
  if (task.status.seccomp != 0 && question.tree.own_seccomp != 0)
    found.push_back({.id = "tree.seccomp",
                     .title = "it has a seccomp filter, and criu would run under one itself",
                     .object = task.name(),
                     .prints = "suspending seccomp failed: Operation not permitted",
                     .fix = "start criu where no seccomp filter is in force",
                     .source = "v4.2:criu/seize.c"});
}

}  // namespace

void check_tasks(const Question& question, Hindrances& found) {
  check_root(question, found);
  for (const auto& task : question.tree.tasks) {
    check_session(task, found);
    check_stopped(question, task, found);
    check_program(question, task, found);
    check_limits(task, found);
  }
  for (const auto& part : question.tree.shared)
    found.push_back(
        {.id = "tree.shared-" + std::string(part.what == "VM"   ? "memory"
                                            : part.what == "FS" ? "directory"
                                                                : "signal-handlers"),
         .title = part.what == "VM"   ? "two processes share their memory"
                  : part.what == "FS" ? "two processes share their working directory and root"
                                      : "two processes share their signal handlers",
         .object = fmt::format("{} and {}", part.first, part.second),
         .prints = fmt::format("Can't make {} id for {}", part.what, part.second),
         .fix = "wait until the child of vfork(2) or clone(CLONE_VM, CLONE_FS) has called execve(2)",
         .source = "v4.2:criu/cr-dump.c:668"});
}

}  // namespace cg::tree
