// The kernel configuration that CRIU asks for, as lines of a fragment with their reasons.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "criu/matrix.h"

namespace cg {

struct FragmentLine {
  std::string symbol;
  bool on = true;                      // =y, or "is not set"
  std::vector<std::string> needed_by;  // of a dependency: the symbols that need it; empty: CRIU itself does
  std::string reason;                  // of what CRIU needs: the row's severity, CRIU range and title
};

struct FragmentQuestion {
  std::vector<Version> versions;  // each of them must run
  std::set<std::string> features;
  std::string architecture;  // as in the matrix; empty: what every architecture asks for
  std::optional<Version> kernel;
  bool base_has_expert =
      false;  // it is laid over a configuration with EXPERT=y, which hides symbols from their defaults
  std::function<bool(std::string_view)> has = nullptr;  // whether the kernel has a symbol; empty: not known
};

// What CRIU asks for, in the matrix's order, each symbol once; of alternatives, the first that the kernel
// has. Also what is on by default: a fragment that leaves it out loses it as soon as EXPERT=y comes along.
std::vector<FragmentLine> required_lines(const Matrix& matrix, const FragmentQuestion& question);

// Puts the dependencies of the lines before them, by the matrix's own list for this kernel; what is needed
// first comes first.
std::vector<FragmentLine> with_dependencies(const Matrix& matrix, const FragmentQuestion& question,
                                            std::vector<FragmentLine> lines);

std::vector<std::string> names_of(const std::vector<Version>& versions);
// What the fragment is for, as to_text takes it.
std::vector<std::string> heading_of(const FragmentQuestion& question, const Matrix& matrix);

// `heading`: comment lines without "# ".
std::string to_text(const std::vector<FragmentLine>& lines, const std::vector<std::string>& heading);

}  // namespace cg
