#include "criu/coverage.h"

#include <fmt/format.h>

#include <algorithm>

namespace cg {
namespace {

constexpr const char* id = "criu.not-covered";

}  // namespace

void respect_coverage(std::vector<Finding>& findings, const Version& criu, Matter matter) {
  if (criu_versions().cover(criu, matter)) return;
  const std::string nearest = criu_versions().nearest(criu);
  for (Finding& finding : findings) {
    if (finding.verdict != Verdict::fail) continue;
    finding.verdict = Verdict::unknown;
    finding.breaks = fmt::format("of the nearest version that is known here: {}", finding.breaks);
  }
  // Said once, though a part of the findings has been through here before.
  if (std::ranges::find(findings, id, &Finding::id) != findings.end()) return;
  findings.insert(findings.begin(),
                  {.id = id,
                   .title = criu_versions().not_covered(criu),
                   .verdict = Verdict::unknown,
                   .required = true,
                   .severity = "startup",
                   .seen = fmt::format("known, nearest first: {}", nearest),
                   .breaks = "what this version asks for beside, or no longer asks for, cannot be told",
                   .fix = fmt::format("a kcheck that knows it; until then --criu {} tells of the nearest",
                                      nearest.substr(0, nearest.find(','))),
                   .source = "recipes/criu-versions.toml"});
}

VersionVerdict open_verdict(const Version& criu) {
  return {.version = criu.text(), .verdict = Verdict::unknown, .reasons = {id}, .judged = true};
}

}  // namespace cg
