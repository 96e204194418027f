// `kcheck --criu` and `kcheck live`: judges the kernel that runs here.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "criu/judge.h"
#include "options.h"
#include "tasks/trial.h"

namespace cg {

// The running system as far as `kcheck live` looks at it; tests script it.
struct LiveSystem {
  std::string kernel_release;  // uname -r
  std::string machine;         // uname -m
  std::function<ProbeResult(std::string_view name)> probe;
  // The running kernel's configuration and the file it came from; an error says where it was looked for.
  std::function<Result<KernelConfig>(std::string& name)> config;
  // The version of the criu on PATH: nullopt when there is none.
  std::function<Result<std::optional<Version>>()> installed_criu;
  // Shown beside the verdict: what was probed and how long it took.
  std::function<std::string()> probe_note;
};

// The real one. Runs every probe that the matrix names, the start-up ones first.
LiveSystem real_system(const Matrix& matrix);

// The version to judge: the one asked for, else that of the criu on PATH, else the default; and why that one.
struct ChosenVersion {
  Version version;
  std::string why;
};
// `binary`: a criu that is asked instead of the one on PATH; "": none.
Result<ChosenVersion> choose_version(const KcheckOptions& options, const LiveSystem& system,
                                     const std::string& binary = {});

enum class WithTrial { no, yes };
struct LiveCommand {
  std::string binary;  // a criu to be asked as well; its version is judged when none is given. "": none
  WithTrial trial = WithTrial::no;         // by that criu, else by the one on PATH
  std::vector<std::string> programs = {};  // --for: a subject more for each
};
Result<Report> check_live(const KcheckOptions& options, const Matrix& matrix, const LiveSystem& system,
                          const LiveCommand& command = {});

// The trial of `binary`, or of the criu on PATH. Refused as a wrong usage when it is of another version than
// the one that is judged.
Result<Trial> trial_of(const std::string& binary, const Version& judged);

}  // namespace cg
