#include "restore/plan.h"

#include <algorithm>
#include <set>

namespace cg::restore {

Plan make_plan(const checkpoint::Checkpoint& images, const Version& criu, const OptionTable& table,
               const Place& place, const std::vector<std::string>& given) {
  Plan plan{given, {}, {}};
  std::set<std::vector<std::string>> added;
  Findings seen;
  std::set<std::pair<std::string, std::string>> known;
  // An option can bring something to light, but not twice the same.
  for (int round = 0; round < 8; ++round) {
    std::vector<std::string> words{"restore"};
    words.insert(words.end(), plan.options.begin(), plan.options.end());
    const Options options(parse_criu_command(table, criu, words));
    plan.remaining = check_all({images, criu, options, place});
    bool changed = false;
    for (const auto& finding : plan.remaining) {
      if (known.emplace(finding.id, finding.seen).second) seen.push_back(finding);
      if (finding.restore_options.empty() || !added.insert(finding.restore_options).second) continue;
      plan.options.insert(plan.options.end(), finding.restore_options.begin(), finding.restore_options.end());
      changed = true;
    }
    if (!changed) break;
  }
  for (auto& finding : seen)
    if (std::ranges::none_of(plan.remaining, [&](const tree::TreeFinding& one) {
          return one.id == finding.id && one.seen == finding.seen;
        }))
      plan.cleared.push_back(std::move(finding));
  return plan;
}

}  // namespace cg::restore
