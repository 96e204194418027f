#include "live/live.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "base/host.h"
#include "base/process.h"
#include "base/text.h"
#include "criu/requirements.h"
#include "criu/versions.h"
#include "kconfig/input.h"
#include "live/criu_binary.h"
#include "probes/runner.h"

namespace cg {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Result<std::optional<Version>> installed_criu() {
  const auto path = find_program("criu");
  if (!path) return std::optional<Version>();
  CG_TRY(version, ask_version(run_criu(path->string()), path->string()));
  return version;
}

// The real system's probes, run in two batches so that the cost of the start-up ones is known.
class ProbeBatch {
 public:
  explicit ProbeBatch(const Matrix& matrix) {
    for (const auto& row : matrix.rows) {
      const auto* probe = row.probe.empty() ? nullptr : probes::find_probe(row.probe);
      if (probe) (row.severity == Severity::startup ? startup_ : rest_).push_back(*probe);
    }
  }

  ProbeResult result(std::string_view name) {
    if (!ran_) run();
    return runner_.result(name);
  }
  std::string note() {
    if (!ran_) run();
    return fmt::format("{} start-up in {:.0f} ms, {} in all in {:.0f} ms", startup_count_,
                       startup_seconds_ * 1e3, runner_.count(), all_seconds_ * 1e3);
  }

 private:
  void run() {
    ran_ = true;
    const auto begin = Clock::now();
    runner_.run(startup_);
    startup_seconds_ = seconds_since(begin);
    startup_count_ = runner_.count();
    runner_.run(rest_);
    all_seconds_ = seconds_since(begin);
  }

  probes::Runner runner_;
  std::vector<probes::Probe> startup_;
  std::vector<probes::Probe> rest_;
  bool ran_ = false;
  std::size_t startup_count_ = 0;
  double startup_seconds_ = 0;
  double all_seconds_ = 0;
};

void add_trial(Subject& subject, const Trial& trial, const Version& criu) {
  const Finding result = finding_of(trial);
  if (trial.failed == Trial::Step::none)
    for (auto& finding : subject.findings) outrank(finding, trial);
  subject.facts.emplace_back("trial", result.seen);
  subject.findings.insert(subject.findings.begin(), result);
  subject.verdict = overall_verdict(subject.findings);
  subject.headline = headline(subject.findings, criu);
  for (auto& version : subject.versions)
    if (version.judged) {
      version.verdict = subject.verdict;
      if (result.verdict == Verdict::fail) version.reasons.insert(version.reasons.begin(), result.id);
      if (subject.verdict != Verdict::fail) version.reasons.clear();
    }
}

}  // namespace

Result<ChosenVersion> choose_version(const KcheckOptions& options, const LiveSystem& system,
                                     const std::string& binary) {
  if (!options.criu.empty()) {
    CG_TRY(version, criu_versions().resolve(options.criu));
    return ChosenVersion{version, "as asked"};
  }
  if (!binary.empty()) {
    CG_TRY(version, ask_version(run_criu(binary), binary));
    return ChosenVersion{version, "that of " + binary};
  }
  CG_TRY(installed, system.installed_criu());
  if (!installed) return ChosenVersion{criu_versions().preferred, "the default; no criu is on PATH"};
  return ChosenVersion{*installed, "the criu on PATH"};
}

LiveSystem real_system(const Matrix& matrix) {
  const auto batch = std::make_shared<ProbeBatch>(matrix);
  const std::string release = host_release();
  return {release,
          host_machine(),
          [batch](std::string_view probe) { return batch->result(probe); },
          [release](std::string& file) -> Result<KernelConfig> {
            CG_TRY(input, running_config(release));
            file = input.name;
            return std::move(input.config);
          },
          installed_criu,
          [batch] { return batch->note(); }};
}

Result<Trial> trial_of(const std::string& binary, const Version& judged) {
  const auto path = binary.empty() ? find_program("criu") : std::optional<std::filesystem::path>(binary);
  if (!path) return cannot("--try: no criu is on PATH; name one with --criu-binary");
  CG_TRY(version, ask_version(run_criu(path->string()), path->string()));
  if (version != judged)
    return usage_error(
        fmt::format("--try runs {}, which is CRIU {}, and {} is to be judged: leave --criu out",
                    path->string(), version.text(), judged.text()));
  return try_criu(path->string());
}

Result<Report> check_live(const KcheckOptions& options, const Matrix& matrix, const LiveSystem& system,
                          const LiveCommand& command) {
  const std::string& binary = command.binary;
  CG_TRY(features, feature_set(options, matrix));
  std::optional<CriuBinary> asked;
  if (!binary.empty()) {
    CG_TRY(version, ask_version(run_criu(binary), binary));
    asked = CriuBinary{binary, version};
  }
  CG_TRY(choice, choose_version(options, system, binary));
  Evidence evidence;
  evidence.probe = system.probe;
  evidence.kernel = leading_version(system.kernel_release);
  evidence.architecture = matrix_architecture(system.machine);
  std::string config_note;
  const auto config = system.config(evidence.config_name);
  if (config) {
    evidence.config = &*config;
    config_note = evidence.config_name;
  } else {
    // Probes outrank the configuration, so its absence is a remark, not a failure.
    config_note = "not read: " + config.error().message;
  }
  Subject subject = judge_subject(matrix, Question{choice.version, features}, evidence, "running kernel");
  if (evidence.config) subject.cure = cure_of(matrix, Question{choice.version, features}, evidence);
  subject.facts = {{"criu", fmt::format("{} ({})", choice.version.text(), choice.why)},
                   {"kernel", fmt::format("Linux {} {}{}", system.kernel_release, system.machine,
                                          kernel_remark(matrix, evidence.kernel))},
                   {"config", config_note},
                   {"probes", system.probe_note()}};
  if (asked) {
    CG_TRY(table, builtin_option_table());
    CG_TRY(compared, compare_with_binary(run_criu(binary), *asked, system.probe, table));
    subject.findings.insert(subject.findings.end(), compared.begin(), compared.end());
  }
  if (command.trial == WithTrial::yes) {
    CG_TRY(trial, trial_of(binary, choice.version));
    add_trial(subject, trial, choice.version);
  }
  Report report{"live", choice.version.text(), {std::move(subject)}};
  for (const auto& program : command.programs) {
    CG_TRY(requirements, requirements_of(program));
    report.subjects.push_back(judge_requirements(requirements, program, evidence, "running kernel"));
  }
  return report;
}

}  // namespace cg
