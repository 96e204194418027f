#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <ostream>

#include "base/cli/cli.h"
#include "base/cli/describe.h"
#include "base/file.h"
#include "base/text.h"
#include "criu/requirements.h"
#include "criu/versions.h"
#include "probes/probe.h"
#include "report/formats.h"
#include "report/json.h"
#include "report/text.h"
#include "report/waiver.h"

namespace cg {

Result<Matrix> load_matrix(const KcheckOptions& options) {
  if (options.matrix.empty()) return builtin_matrix();
  CG_TRY(text, read_file(options.matrix, 16 << 20));
  CG_TRY(matrix, parse_matrix(text, options.matrix));
  for (const auto& row : matrix.rows)
    if (!row.probe.empty() && !probes::find_probe(row.probe))
      return refused(fmt::format("{}:{}: there is no probe '{}'{}", options.matrix, row.line, row.probe,
                                 did_you_mean(row.probe, probes::probe_names())));
  return matrix;
}

Result<Knowledge> load_knowledge(const std::string& file) {
  if (file.empty()) return builtin_knowledge();
  CG_TRY(text, read_file(file, 16 << 20));
  return parse_knowledge(text, file);
}

std::vector<Named> known_versions(const Environment&) {
  std::vector<Named> versions;
  for (const auto& release : criu_versions().releases)
    versions.push_back({release.version.text(), join(release.known, "; ")});
  return versions;
}

std::vector<Named> known_features(const Environment&) {
  std::vector<Named> features = {{"all", "every one of them"}};
  const auto matrix = builtin_matrix();
  if (!matrix) return features;
  for (const auto& name : matrix->features()) {
    const auto row =
        std::ranges::find_if(matrix->rows, [&](const MatrixRow& one) { return one.feature == name; });
    features.push_back({name, row->title});
  }
  return features;
}

Option programs_option(std::vector<std::string>& programs) {
  return {"--for PROGRAM",
          &programs,
          fmt::format("Another program that shall run on it ({}); may be repeated",
                      join(requirement_names(), ", ")),
          {.known = known_names(requirement_names())}};
}

Result<std::set<std::string>> feature_set(const KcheckOptions& options, const Matrix& matrix) {
  const auto known = matrix.features();
  if (std::ranges::find(options.features, "all") != options.features.end())
    return std::set<std::string>(known.begin(), known.end());
  for (const auto& feature : options.features)
    if (std::ranges::find(known, feature) == known.end())
      return usage_error(fmt::format("no feature '{}'{} (features: {})", feature,
                                     did_you_mean(feature, known), join(known, ", ")));
  return std::set<std::string>(options.features.begin(), options.features.end());
}

namespace {

std::string rendered(const Report& report, const KcheckOptions& options, int status, const Environment& env) {
  const std::string& format = options.common.format;
  if (format == "json") return to_json(report, status);
  if (format == "sarif") return to_sarif(report);
  if (format == "junit") return to_junit(report);
  if (format == "markdown") return to_markdown(report);
  if (format == "html") return to_html(report);
  return to_text(report, TextOptions{options.common.verbose > 0, use_color(options.common, env)});
}

// YYYY-MM-DD; SOURCE_DATE_EPOCH counts as now.
std::string today(const Environment& env) {
  const auto epoch = env.variable("SOURCE_DATE_EPOCH");
  const std::time_t now = epoch ? std::strtoll(epoch->c_str(), nullptr, 10) : std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

Result<void> waive(Report& report, const KcheckOptions& options, Environment& env) {
  if (options.waivers.empty()) return {};
  CG_TRY(text, read_file(options.waivers, 1 << 20));
  CG_TRY(waivers, parse_waivers(text, options.waivers));
  for (const auto& note : apply_waivers(report, waivers, today(env))) env.err << "kcheck: " << note << "\n";
  return {};
}

}  // namespace

Result<int> deliver(Result<Report> report, const KcheckOptions& options, Environment& env) {
  if (!report) return std::unexpected(std::move(report.error()));
  CG_CHECK(waive(*report, options, env));
  // Of a CRIU that the data do not cover not even a FAIL is one: what it warns of is open as well.
  const auto criu = parse_version(report->version);
  const bool words = report->command == "flags" || report->command == "explain";
  const bool strict =
      options.strict && (!criu || criu_versions().cover(*criu, words ? Matter::words : Matter::all));
  const int status = exit_status(*report, strict ? Strictness::strict : Strictness::normal);
  const std::string text = rendered(*report, options, status, env);
  CG_CHECK(write_output(text, options.common.output, env));
  return status;
}

}  // namespace cg
