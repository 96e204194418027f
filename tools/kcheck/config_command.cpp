#include "config_command.h"

#include <fmt/format.h>

#include <istream>
#include <iterator>

#include "criu/judge.h"
#include "kconfig/input.h"

namespace cg {
namespace {

Result<ConfigInput> read_input(const std::string& file, Environment& env) {
  if (file != "-") return load_config_input(file);
  const std::string bytes(std::istreambuf_iterator<char>(env.in), {});
  return read_config(bytes, "standard input");
}

Result<Subject> judge_file(const std::string& file, const ConfigCommand& command, const Matrix& matrix,
                           const Question& question, Environment& env) {
  CG_TRY(input, read_input(file, env));
  const KernelConfig& config = input.config;
  for (const auto& warning : config.warnings) env.err << "kcheck: " << warning << "\n";
  Evidence evidence;
  evidence.config = &config;
  evidence.config_name = file;
  // Only a resolved configuration has the header with the kernel's version; in a fragment, what is not
  // mentioned is not known.
  evidence.config_is_complete = !config.version.empty();
  const std::string kernel = command.kernel.empty() ? config.version : command.kernel;
  evidence.kernel = leading_version(kernel);
  if (!command.kernel.empty() && !evidence.kernel)
    return usage_error(fmt::format("--kernel {}: not a kernel version such as 6.12", command.kernel));
  const std::string architecture = command.architecture.empty() ? config.architecture : command.architecture;
  evidence.architecture = matrix_architecture(architecture, &config);
  if (!command.architecture.empty() && evidence.architecture.empty())
    return usage_error(
        fmt::format("--arch {}: not a known architecture such as x86_64 or arm64", command.architecture));

  Subject subject = judge_subject(matrix, question, evidence, file);
  subject.facts = {
      {"config",
       fmt::format("{} ({} symbols{})", file, config.values.size(),
                   evidence.config_is_complete ? "" : "; a fragment: what it does not mention is unknown")},
      {"kernel",
       evidence.kernel ? fmt::format("Linux {} {}", kernel, evidence.architecture) : "version not known"}};
  return subject;
}

}  // namespace

Result<Report> check_configs(const KcheckOptions& options, const ConfigCommand& command, const Matrix& matrix,
                             Environment& env) {
  CG_TRY(version, resolve_criu_version(options.criu));
  CG_TRY(features, feature_set(options, matrix));
  Report report{"config", version.text(), {}};
  for (const auto& file : command.files) {
    CG_TRY(subject, judge_file(file, command, matrix, Question{version, features}, env));
    report.subjects.push_back(std::move(subject));
  }
  return report;
}

}  // namespace cg
