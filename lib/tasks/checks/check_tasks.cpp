#include <fmt/format.h>

#include <algorithm>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

// The number in the innermost pid namespace.
int innermost(const std::vector<int>& numbers, int fallback) {
  return numbers.empty() ? fallback : numbers.back();
}

void check_session(const Task& task, Findings& found) {
  if (innermost(task.status.sid, task.stat.session) != 0 || task.status.kernel_thread) return;
  const int inside = innermost(task.status.pid, task.pid);
  found.add({"session-outside", task.zombie() ? "zombie" : ""}, task.name(),
            {{"pid", std::to_string(task.pid)}, {"inside", std::to_string(inside)}});
}

void check_root(const Question& question, Findings& found) {
  const Task& root = question.tree.root();
  if (root.zombie()) {
    found.add({"root-dead"}, root.name());
    return;
  }
  const int pid = innermost(root.status.pid, root.pid);
  const int sid = innermost(root.status.sid, root.stat.session);
  if (sid == 0 || sid == pid || question.options.shell_job) return;
  found.add({"not-session-leader"}, fmt::format("{}, session {}", root.name(), sid),
            {{"pid", std::to_string(pid)}});
}

void check_stopped(const Question& question, const Task& task, Findings& found) {
  const std::string pid = std::to_string(task.pid);
  if (task.status.tracer != 0)
    found.add({"traced"}, fmt::format("{}, traced by {}", task.name(), task.status.tracer),
              {{"pid", pid}, {"state", std::string(1, task.status.state)}});
  else if (task.status.state == 'D')
    found.add({"uninterruptible"}, fmt::format("{}, state D", task.name()), {{"pid", pid}});
  const bool stopped = task.thread_states.contains('T');
  if (!task.zombie() && stopped && task.thread_states.find_first_not_of("TZX") != std::string::npos)
    found.add({"threads-stopped"},
              fmt::format("{}, threads in states {}", task.name(), task.thread_states.substr(0, 40)));
  const auto alive =
      std::ranges::count_if(task.thread_states, [](char state) { return state != 'Z' && state != 'X'; });
  if (task.zombie() && (alive > 0 || task.status.threads > 1))
    found.add({"zombie-with-threads"}, task.name());
  constexpr std::uint64_t sigtrap = 1ULL << 4;
  if (task.status.pending & sigtrap) found.add({"pending-sigtrap"}, task.name(), {{"pid", pid}});
  if (task.pid == question.tree.own_pid) found.add({"self-inside"}, task.name());
}

// Where more than that cannot be seen, criu will be started with other rights than kcheck.
void check_limits(const Question& question, const Task& task, Findings& found) {
  if (!task.may_read_limits && !task.zombie() && question.tree.unseen.empty())
    found.add({"limits-hidden"}, task.name());
}

void check_program(const Question& question, const Task& task, Findings& found) {
  if (task.elf == ElfClass::bits_32 && !question.tree.criu_has_compat.value_or(false))
    found.add({"32-bit", question.tree.criu_has_compat ? "" : "no criu"}, task.name(),
              {{"pid", std::to_string(task.pid)}});
  if (task.status.seccomp != 0 && question.tree.own_seccomp != 0) found.add({"seccomp"}, task.name());
}

}  // namespace

void check_tasks(const Question& question, Findings& found) {
  check_root(question, found);
  for (const auto& task : question.tree.tasks) {
    check_session(task, found);
    check_stopped(question, task, found);
    check_program(question, task, found);
    check_limits(question, task, found);
  }
  for (const auto& [number, pid] : question.tree.numbers_outside)
    found.add({"number-held"}, fmt::format("{}, whose session or group {} is in", number, pid),
              {{"number", std::to_string(number)}, {"pid", std::to_string(pid)}});
  for (const auto& part : question.tree.shared)
    found.add({part.what == "VM"   ? "shared-memory"
               : part.what == "FS" ? "shared-directory"
                                   : "shared-signal-handlers"},
              fmt::format("{} and {}", part.first, part.second), {{"pid", std::to_string(part.second)}});
}

}  // namespace cg::tree
