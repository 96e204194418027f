#include "criu/builtin_data.h"
#include "restore/checks/checks.h"

namespace cg::restore {

const tree::FindingTable& restore_table() {
  static const tree::FindingTable table(*data::criu_restore, "criu-restore.toml");
  return table;
}

void Findings::unseen(const std::string& what) {
  tree::TreeFinding finding;
  finding.id = "restore.unseen";
  finding.title = "could not be looked at";
  finding.severity = "restore";
  finding.verdict = Verdict::unknown;
  finding.required = true;
  finding.seen = what;
  push_back(std::move(finding));
}

Findings check_all(const View& view) {
  Findings found;
  check_images(view, found);
  check_tree(view, found);
  check_mounts(view, found);
  check_files(view, found);
  check_sockets(view, found);
  check_cgroups(view, found);
  check_processor(view, found);
  return found;
}

}  // namespace cg::restore
