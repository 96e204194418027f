#include "flags/flags_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/text.h"
#include "criu/command.h"
#include "criu/coverage.h"
#include "criu/versions.h"

namespace cg {
namespace {

std::vector<std::string> ids_of(const std::vector<Finding>& findings) {
  std::vector<std::string> ids;
  for (const auto& finding : findings)
    if (finding.verdict == Verdict::fail) ids.push_back(finding.id);
  return ids;
}

}  // namespace

Command flags_command(KcheckOptions& options) {
  const auto command = std::make_shared<FlagsCommand>();
  return {
      .name = "flags",
      .help = "Check a criu command line: options this version does not know, or that do nothing as given",
      .options = {{"--options FILE", &command->table, "Option table to use instead of the one compiled in"}},
      .examples = {{"kcheck flags --criu 4.2 -- criu dump -t 1 --shell-job",
                    "the command stands behind '--'"}},
      .passthrough = &options.passthrough,
      .run = [command, &options](Context& context) {
        return deliver(check_flags_of(options, *command), options, context.env);
      }};
}

Result<OptionTable> load_option_table(const std::string& file) {
  if (file.empty()) return builtin_option_table();
  CG_TRY(text, read_file(file, 16 << 20));
  return parse_option_table(text, file);
}

Result<Report> check_flags_of(const KcheckOptions& options, const FlagsCommand& command) {
  if (options.passthrough.empty())
    return usage_error("no command; it stands behind '--': kcheck flags --criu 4.2 -- criu dump -t 1");
  CG_TRY(version, criu_versions().resolve(options.criu));
  CG_TRY(table, load_option_table(command.table));
  Report report{"flags", version.text(), {}};
  Subject subject;
  subject.name = join(options.passthrough, " ");
  subject.findings =
      judge_criu_command(table, version, parse_criu_command(table, version, options.passthrough));
  subject.verdict = overall_verdict(subject.findings);
  const auto wrong = std::ranges::count(subject.findings, Verdict::fail, &Finding::verdict);
  const auto warned = std::ranges::count(subject.findings, Verdict::warn, &Finding::verdict);
  const bool open = subject.verdict == Verdict::unknown;
  subject.headline = open    ? "NOT KNOWN: " + criu_versions().not_covered(version)
                     : wrong ? fmt::format("WRONG for CRIU {}: {} of its words", version.text(), wrong)
                     : warned
                         ? fmt::format("GOOD for CRIU {}, with {} to think about", version.text(), warned)
                         : fmt::format("GOOD for CRIU {}", version.text());
  subject.facts = {{"command", subject.name}};
  for (const auto& release : criu_versions().releases) {
    const Version& other = release.version;
    const auto findings =
        judge_criu_command(table, other, parse_criu_command(table, other, options.passthrough));
    subject.versions.push_back({other.text(), overall_verdict(findings), ids_of(findings), other == version});
  }
  if (!criu_versions().cover(version, Matter::words)) subject.versions.push_back(open_verdict(version));
  report.subjects.push_back(std::move(subject));
  return report;
}

}  // namespace cg
