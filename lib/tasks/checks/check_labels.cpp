// The labels of security modules: CRIU saves that of every thread where AppArmor is in use.
#include "tasks/checks/checks.h"

namespace cg::tree {

void check_labels(const Question& question, Findings& found) {
  if (!question.tree.apparmor) return;
  const bool reads_own_file = question.criu >= Version{{4, 2, 0}};
  for (const auto& task : question.tree.tasks) {
    if (reads_own_file ? task.label.apparmor : task.label.current) continue;
    // Without a word in it the scan ends at its end, and the errno is an old one.
    const std::string error = task.label.error.empty() ? "Success" : task.label.error;
    found.add({"label-unreadable", task.label.apparmor ? "" : "nowhere"}, task.name(), {{"error", error}});
  }
}

}  // namespace cg::tree
