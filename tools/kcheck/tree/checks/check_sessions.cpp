// Whether restore can give each task its session again. A task is born into the session that its parent has
// at that moment. prepare_pstree_ids() of v4.2:criu/pstree.c knows two ways for a session that the parent is
// not in: a child of the root task that was reparented gets a helper in its old session; any other task must
// have been forked by an ancestor that led this session, or was born into it. What a subreaper below the root
// task has taken in has neither.
#include <fmt/format.h>

#include <map>

#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

class SessionCheck {
 public:
  SessionCheck(const Question& question, Hindrances& found) : tree_(question.tree), found_(found) {}
  void run() {
    for (const auto& task : tree_.tasks) by_pid_.emplace(task.pid, &task);
    for (const auto& task : tree_.tasks) check(task);
  }

 private:
  void check(const Task& task);
  void refuse(const Task& task, const Task& parent, std::string prints);
  const Task* parent_of(const Task& task) const {
    const auto found = by_pid_.find(task.parent);
    return found == by_pid_.end() ? nullptr : found->second;
  }

  const Snapshot& tree_;
  Hindrances& found_;
  std::map<int, const Task*> by_pid_;
  std::map<const Task*, int> born_in_;
};

void SessionCheck::refuse(const Task& task, const Task& parent, std::string prints) {
  found_.push_back(
      {.id = "tree.session-lost",
       .title = "a task in a session whose leader has ended, below a subreaper",
       .object =
           fmt::format("{} in session {}, child of {}", task.name(), task.session_inside(), parent.name()),
       .prints = std::move(prints),
       .fix = "the dump goes through, the restore does not: end that task, or let its starter live; "
              "tasks that the root task itself takes in are no problem",
       .source = "v4.2:criu/pstree.c:801",
       .severity = "restore"});
}

void SessionCheck::check(const Task& task) {
  const Task* parent = parent_of(task);
  const int session = task.session_inside();
  if (!parent || session == 0 || session == task.pid_inside() || parent->session_inside() == session) return;
  if (parent == &tree_.root()) return;  // a helper brings it there
  for (const Task* at = parent; at && at->pid_inside() != session; at = parent_of(*at)) {
    const auto [born, fresh] = born_in_.try_emplace(at, session);
    if (!fresh && born->second != session)
      return refuse(task, *parent,
                    fmt::format("Can't figure out which sid ({} or {})the process {} was born with",
                                born->second, session, at->pid_inside()));
    if (!parent_of(*at))
      return refuse(task, *parent, fmt::format("Can't find a session leader for {}", session));
  }
}

}  // namespace

void check_sessions(const Question& question, Hindrances& found) {
  SessionCheck(question, found).run();
}

}  // namespace cg::tree
