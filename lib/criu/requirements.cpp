#include "criu/requirements.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "criu/builtin_data.h"
#include "criu/versions.h"

namespace cg {
namespace {

std::span<const data::RequirementTable> tables() {
  return {data::requirement_tables, data::requirement_table_count};
}

std::string headline(const std::vector<Finding>& findings, const std::string& title) {
  const auto count = [&](Verdict verdict) {
    return std::ranges::count(findings, verdict, &Finding::verdict);
  };
  switch (overall_verdict(findings)) {
    case Verdict::fail:
      return fmt::format("NOT READY for {}: {} of its requirements {}", title, count(Verdict::fail),
                         count(Verdict::fail) == 1 ? "fails" : "fail");
    case Verdict::unknown:
      return fmt::format("UNDECIDED for {}", title);
    default:
      return fmt::format(
          "READY for {}{}", title,
          count(Verdict::warn) == 0 ? "" : fmt::format(" ({} warnings)", count(Verdict::warn)));
  }
}

}  // namespace

std::vector<std::string> requirement_names() {
  std::vector<std::string> names;
  for (const auto& table : tables()) names.emplace_back(table.program);
  return names;
}

Result<Matrix> requirements_of(const std::string& program) {
  const auto found =
      std::ranges::find_if(tables(), [&](const auto& table) { return program == table.program; });
  if (found == tables().end())
    return usage_error(fmt::format("--for {}: nothing is known of what it asks{} ({})", program,
                                   did_you_mean(program, requirement_names()),
                                   join(requirement_names(), ", ")));
  CG_TRY(matrix, read_matrix(found->root[0], program + ".toml"));
  for (auto& row : matrix.rows) row.asked_by = program;
  return matrix;
}

Subject judge_requirements(const Matrix& requirements, const std::string& program, const Evidence& evidence,
                           const std::string& name) {
  // They do not depend on a CRIU.
  const Question question{criu_versions().preferred, {}};
  Subject subject;
  subject.name = name + " for " + program;
  subject.findings = judge(requirements, question, evidence);
  if (!evidence.config) {
    Finding open;
    open.id = program + ".configuration";
    open.title = "the configuration of this kernel can be read";
    open.verdict = Verdict::unknown;
    open.required = true;
    open.severity = "startup";
    open.seen = "it cannot, and nothing else says what the kernel has";
    open.fix = "give it: kcheck config FILE --for " + program;
    subject.findings.push_back(std::move(open));
  }
  subject.verdict = overall_verdict(subject.findings);
  subject.headline = headline(subject.findings, requirements.title);
  if (evidence.config) subject.cure = cure_of(requirements, question, evidence);
  if (!subject.cure.command.empty()) {
    std::vector<std::string> words = {"kcheck", "fragment", "--for", program};
    words.insert(words.end(), {"--arch", evidence.architecture.empty() ? "any" : evidence.architecture});
    if (evidence.kernel) words.insert(words.end(), {"--kernel", evidence.kernel->text()});
    subject.cure.command = shell_words(words) + " > " + program + ".conf";
  }
  return subject;
}

Result<Matrix> with_requirements(Matrix matrix, const std::vector<std::string>& programs) {
  for (const auto& program : programs) {
    CG_TRY(more, requirements_of(program));
    matrix.rows.insert(matrix.rows.end(), more.rows.begin(), more.rows.end());
    matrix.needs.merge(more.needs);
    matrix.kernels.merge(more.kernels);
  }
  return matrix;
}

}  // namespace cg
