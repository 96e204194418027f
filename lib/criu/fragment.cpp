#include "criu/fragment.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cg {
namespace {

bool asks(const MatrixRow& row, const FragmentQuestion& question) {
  if (row.window) return false;
  const bool wanted = row.required() || question.features.contains(row.feature) ||
                      row.severity == Severity::better_off ||
                      (row.severity == Severity::harmful && question.base_has_expert);
  if (!wanted || row.symbols.empty()) return false;
  if (!row.architectures.empty() &&
      std::ranges::find(row.architectures, question.architecture) == row.architectures.end())
    return false;
  if (question.kernel && !row.kernel.contains(*question.kernel)) return false;
  return std::ranges::any_of(question.versions,
                             [&](const Version& version) { return row.criu.contains(version); });
}

std::string reason_of(const MatrixRow& row) {
  if (!row.asked_by.empty()) return fmt::format("{} ({})", row.title, row.asked_by);
  const std::string range = row.criu.everything() ? "" : fmt::format(", CRIU {}", row.criu.text());
  return fmt::format("{} ({}{})", row.title, severity_text(row), range);
}

class Closure {
 public:
  Closure(const Matrix& matrix, const std::optional<Version>& kernel) : matrix_(matrix), kernel_(kernel) {}

  void add(const std::string& symbol, const std::string& needed_by) {
    const auto known = std::ranges::find(lines_, symbol, &FragmentLine::symbol);
    if (known != lines_.end()) {
      if (!needed_by.empty() && std::ranges::find(known->needed_by, needed_by) == known->needed_by.end())
        known->needed_by.push_back(needed_by);
      return;
    }
    if (std::ranges::find(open_, symbol) != open_.end()) return;
    open_.push_back(symbol);
    if (const auto needs = matrix_.needs.find(symbol); needs != matrix_.needs.end())
      for (const auto& [need, kernels] : needs->second)
        if (kernels.everything() || (kernel_ && kernels.contains(*kernel_))) add(need, symbol);
    if (!needed_by.empty()) lines_.push_back({symbol, true, {needed_by}, ""});
  }
  std::vector<FragmentLine> take() { return std::move(lines_); }

 private:
  const Matrix& matrix_;
  const std::optional<Version>& kernel_;
  std::vector<FragmentLine> lines_;
  std::vector<std::string> open_;
};

}  // namespace

std::vector<FragmentLine> required_lines(const Matrix& matrix, const FragmentQuestion& question) {
  const auto open = [&](std::string_view symbol) {
    if (question.has) return question.has(symbol) ? SymbolState::unknown : SymbolState::off;
    const auto kernels = matrix.kernels.find(symbol);
    const bool gone =
        question.kernel && kernels != matrix.kernels.end() && !kernels->second.contains(*question.kernel);
    return gone ? SymbolState::off : SymbolState::unknown;
  };
  std::vector<FragmentLine> lines;
  if (question.architecture == "x86_64")
    lines.push_back({"64BIT",
                     true,
                     {},
                     "an x86_64 kernel: ARCH=x86 leaves the choice open, and allnoconfig takes 32 bits"});
  for (const auto& row : matrix.rows) {
    if (!asks(row, question)) continue;
    for (const auto& [symbol, to_on] : row.symbols.changes(open)) {
      // Some can be switched off only where EXPERT=y shows the question; EXPERT for that alone does more
      // harm.
      if (!to_on && !question.base_has_expert && matrix.needs.contains("!" + symbol)) continue;
      if (std::ranges::find(lines, symbol, &FragmentLine::symbol) == lines.end())
        lines.push_back({symbol, to_on, {}, reason_of(row)});
    }
  }
  return lines;
}

std::vector<FragmentLine> with_dependencies(const Matrix& matrix, const FragmentQuestion& question,
                                            std::vector<FragmentLine> lines) {
  Closure closure(matrix, question.kernel);
  for (const auto& line : lines)
    if (line.on) closure.add(line.symbol, "");
  std::vector<FragmentLine> all;
  for (auto& line : closure.take())  // what CRIU asks for itself has its own line already
    if (std::ranges::find(lines, line.symbol, &FragmentLine::symbol) == lines.end())
      all.push_back(std::move(line));
  all.insert(all.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
  return all;
}

std::vector<std::string> names_of(const std::vector<Version>& versions) {
  std::vector<std::string> names;
  for (const auto& version : versions) names.push_back(version.text());
  return names;
}

std::vector<std::string> heading_of(const FragmentQuestion& question, const Matrix& matrix) {
  const auto known = matrix.features();
  const bool every = std::ranges::equal(question.features, known);
  std::string features = join({question.features.begin(), question.features.end()}, ", ");
  if (!features.empty()) features = every ? ", for every feature" : ", for " + features;
  std::vector<std::string> others;
  for (const auto& row : matrix.rows)
    if (!row.asked_by.empty() && std::ranges::find(others, row.asked_by) == others.end())
      others.push_back(row.asked_by);
  return {fmt::format("What CRIU {} asks of the kernel{}{}.", join(names_of(question.versions), ", "),
                      features, others.empty() ? "" : ", and what these ask: " + join(others, ", ")),
          fmt::format("kcheck fragment made it for {}.",
                      question.architecture.empty() ? "any architecture" : question.architecture)};
}

std::string to_text(const std::vector<FragmentLine>& lines, const std::vector<std::string>& heading) {
  std::string text;
  for (const auto& line : heading) text += "# " + line + "\n";
  std::string last;
  for (const auto& line : lines) {
    const std::string reason =
        line.needed_by.empty() ? line.reason : "needed by " + join(line.needed_by, ", ");
    if (reason != last) text += "# " + reason + "\n";
    last = reason;
    text += line.on ? fmt::format("CONFIG_{}=y\n", line.symbol)
                    : fmt::format("# CONFIG_{} is not set\n", line.symbol);
  }
  return text;
}

}  // namespace cg
