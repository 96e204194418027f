// Whether restore can give each task its session again. A task is born into the session that its parent has
// at that moment. prepare_pstree_ids() of v4.2:criu/pstree.c knows two ways for a session that the parent is
// not in: a child of the root task that was reparented gets a helper in its old session; any other task must
// have been forked by an ancestor that led this session, or was born into it. What a subreaper below the root
// task has taken in has neither.
#include <fmt/format.h>

#include <map>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

class SessionCheck {
 public:
  SessionCheck(const Question& question, Findings& found) : tree_(question.tree), found_(found) {}
  void run() {
    for (const auto& task : tree_.tasks) by_pid_.emplace(task.pid, &task);
    for (const auto& task : tree_.tasks) check(task);
  }

 private:
  void check(const Task& task);
  const Task* parent_of(const Task& task) const {
    const auto found = by_pid_.find(task.parent);
    return found == by_pid_.end() ? nullptr : found->second;
  }

  const Snapshot& tree_;
  Findings& found_;
  std::map<int, const Task*> by_pid_;
  std::map<const Task*, int> born_in_;
};

void SessionCheck::check(const Task& task) {
  const Task* parent = parent_of(task);
  const int session = task.session_inside();
  if (!parent || session == 0 || session == task.pid_inside() || parent->session_inside() == session) return;
  if (parent == &tree_.root()) return;  // a helper brings it there
  const auto seen = [&] {
    return fmt::format("{} in session {}, child of {}", task.name(), session, parent->name());
  };
  for (const Task* at = parent; at && at->pid_inside() != session; at = parent_of(*at)) {
    const auto [born, fresh] = born_in_.try_emplace(at, session);
    if (!fresh && born->second != session) {
      found_.add({"session-lost", "two births"}, seen(),
                 {{"first", std::to_string(born->second)},
                  {"session", std::to_string(session)},
                  {"pid", std::to_string(at->pid_inside())}});
      return;
    }
    if (!parent_of(*at)) {
      found_.add({"session-lost"}, seen(), {{"session", std::to_string(session)}});
      return;
    }
  }
}

}  // namespace

void check_sessions(const Question& question, Findings& found) {
  SessionCheck(question, found).run();
}

}  // namespace cg::tree
