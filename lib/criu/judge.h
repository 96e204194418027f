// Judges a kernel against the matrix: what its configuration says and what live probes answer become one
// verdict a row, and the rows one verdict for a CRIU version.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "criu/matrix.h"
#include "kconfig/config.h"
#include "report/report.h"

namespace cg {

struct ProbeResult {
  enum class Status { pass, fail, unknown, not_applicable } status = Status::unknown;
  std::string detail;  // what answered what: "membarrier(2): Function not implemented"
};

// What is known about the kernel that is judged. At least one of `config` and `probe` is there.
struct Evidence {
  const KernelConfig* config = nullptr;
  std::string config_name;
  // A whole .config: a symbol that it does not mention is off. In a fragment it is unknown.
  bool config_is_complete = true;
  std::function<ProbeResult(std::string_view name)> probe;
  // Whether the module that a symbol's =m makes is known to be where the kernel will look for it; may be
  // empty.
  std::function<bool(std::string_view symbol)> has_module;
  std::optional<Version> kernel;
  std::string architecture;  // as in the matrix: "x86_64", "arm64"; empty: not known
};

struct Question {
  Version criu;
  std::set<std::string> features;  // feature rows that must hold
};

// One finding for each row that the evidence can judge, in the matrix's order, and after a row one more
// ("ID.disagreement") where probe and configuration contradict each other.
std::vector<Finding> judge(const Matrix& matrix, const Question& question, const Evidence& evidence);

// The whole subject: findings for `question`, and the verdict of every known CRIU version beside it.
Subject judge_subject(const Matrix& matrix, const Question& question, const Evidence& evidence,
                      std::string name);

// "READY for CRIU 4.1.1", "NOT READY for CRIU 4.1.1: 2 requirements fail", ...
std::string headline(const std::vector<Finding>& findings, const Version& criu);

// The lines of a configuration that make all of its rows hold that FAIL, what they need first standing first;
// each once, however many rows it cures. Of one row its fix says it all: then there are no lines.
Cure cure_of(const Matrix& matrix, const Question& question, const Evidence& evidence);

// "; newer than any that the lab has seen (7.3): ..." or "".
std::string kernel_remark(const Matrix& matrix, const std::optional<Version>& kernel);

// "x86" of a configuration's header or "aarch64" of uname -> the matrix's name; "" when it is not known.
std::string matrix_architecture(std::string_view name, const KernelConfig* config = nullptr);

}  // namespace cg
