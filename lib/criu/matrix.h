// The CRIU requirement matrix: what each CRIU version asks of a kernel and of the system it runs on.
// The rows are data (recipes/criu-matrix.toml); this reads and checks them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/toml/toml_node.h"
#include "criu/expression.h"
#include "criu/version.h"

namespace cg {

enum class Severity { startup, dump, restore, feature, harmful, better_off };

struct MatrixRow {
  std::string id;  // stable: "kernel.membarrier"
  std::string title;
  Expression symbols;                      // what the kernel configuration must say; may be empty
  std::string probe;                       // the name of a live probe; may be empty
  VersionRange criu;                       // the CRIU versions that ask for it
  VersionRange kernel;                     // the kernels for which the row has a meaning
  std::vector<std::string> architectures;  // empty: every one
  Severity severity = Severity::startup;
  std::string feature;   // with Severity::feature
  bool by_tree = false;  // only a tree that has such a thing needs it, and `kcheck tree` asks the same probe
  bool window =
      false;           // a kernel-CRIU incompatibility: the row fails just because the kernel is in the range
  std::string breaks;  // what the user will see
  std::string fix;     // beyond setting the symbols; may be empty where there are symbols
  std::string environment;  // VARIABLE=VALUE with which this criu does without it
  std::string source;       // tag:path:line or an issue
  std::string proof;        // "read", "report" or "lab:CASE"
  std::string asked_by;     // the program that asks: "podman"; "": CRIU
  int line = 0;

  bool required() const {
    return severity == Severity::startup || severity == Severity::dump || severity == Severity::restore;
  }
  // Says that its CRIU versions do not run on its architectures at all.
  bool no_port() const { return symbols.empty() && probe.empty() && !window; }
};

// The machines that rows may name: those that CRIU runs on, and those that it does not.
const std::vector<std::string>& known_architectures();

std::string severity_text(const MatrixRow& row);  // as it is written: "feature:lazy-pages"

// "X @>=6.17": a symbol, and the kernels where it is needed.
struct SymbolNeed {
  std::string symbol;
  VersionRange kernel;
};

struct Matrix {
  std::string title;  // whose requirements they are, for people; "": CRIU's
  std::vector<MatrixRow> rows;
  // What a symbol needs besides itself over allnoconfig, for a fragment made without a source tree.
  std::map<std::string, std::vector<SymbolNeed>, std::less<>> needs;
  // Symbols that not every kernel has, with those that have them.
  std::map<std::string, VersionRange, std::less<>> kernels;
  std::optional<Version> newest_kernel;  // on which the lab has run
  // The module that a symbol's =m makes: "INET_UDP_DIAG" -> "udp_diag".
  std::map<std::string, std::string, std::less<>> modules;
  std::vector<std::string> features() const;  // sorted, each once
};

Result<Matrix> read_matrix(const TomlNode& root, const std::string& name);
// Refused with "file:line:column: what" for the first row that is not one.
Result<Matrix> parse_matrix(std::string_view text, const std::string& name);
// The matrix compiled into the program.
Result<Matrix> builtin_matrix();

}  // namespace cg
