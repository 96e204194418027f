#include "options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "probes/probe.h"
#include "report/json.h"
#include "report/text.h"

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

Result<std::set<std::string>> feature_set(const KcheckOptions& options, const Matrix& matrix) {
  const auto known = matrix.features();
  for (const auto& feature : options.features)
    if (std::ranges::find(known, feature) == known.end())
      return usage_error(fmt::format("no feature '{}'{} (features: {})", feature,
                                     did_you_mean(feature, known), join(known, ", ")));
  return std::set<std::string>(options.features.begin(), options.features.end());
}

int deliver(const Report& report, const KcheckOptions& options, Environment& env) {
  const int status = exit_status(report, options.strict ? Strictness::strict : Strictness::normal);
  const TextOptions text_options{options.common.verbose > 0, use_color(options.common, env)};
  const std::string text =
      options.common.format == "json" ? to_json(report, status) : to_text(report, text_options);
  if (options.common.output.empty()) {
    env.out << text;
    return status;
  }
  if (auto written = write_file_atomically(options.common.output, text); !written)
    return report_error(written.error(), "kcheck", env);
  return status;
}

}  // namespace cg
