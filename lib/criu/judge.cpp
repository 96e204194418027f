#include "criu/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/text.h"
#include "criu/coverage.h"
#include "criu/fragment.h"
#include "criu/versions.h"

namespace cg {
namespace {

using Status = ProbeResult::Status;

SymbolState symbol_state(const Evidence& evidence, std::string_view symbol) {
  const ConfigValue* value = evidence.config->find(symbol);
  if (!value) return evidence.config_is_complete ? SymbolState::off : SymbolState::unknown;
  if (value->text == "n") return SymbolState::off;
  // A module counts only where modules can be loaded at all.
  if (value->text == "m") {
    const bool unknown = !evidence.config_is_complete && !evidence.config->find("MODULES");
    if (unknown) return SymbolState::unknown;
    if (evidence.config->value("MODULES") != "y") return SymbolState::off;
    if (!evidence.has_module) return SymbolState::module;
    return evidence.has_module(symbol) ? SymbolState::on : SymbolState::off;
  }
  // Every symbol of the matrix is a bool or a tristate: conf drops any other value of theirs.
  return value->text == "y" ? SymbolState::on : SymbolState::off;
}

// What the configuration says about a row.
struct ConfigOpinion {
  std::optional<SymbolState> state;         // nullopt: no configuration or no symbols
  std::string seen;                         // "CONFIG_MEMBARRIER is not set"
  std::vector<Expression::Change> changes;  // that make it hold
};

std::string lines_of(const std::vector<Expression::Change>& changes) {
  std::vector<std::string> lines;
  for (const auto& change : changes) lines.push_back(change.text());
  return join(lines, ", ");
}

ConfigOpinion ask_config(const MatrixRow& row, const Evidence& evidence) {
  ConfigOpinion opinion;
  if (row.symbols.empty()) return opinion;
  if (!evidence.config) {
    opinion.changes = row.symbols.changes([](std::string_view) { return SymbolState::unknown; });
    return opinion;
  }
  // What a fragment leaves open, allnoconfig answers with n: that is how EXPERT=y does its harm.
  const auto lookup = [&](std::string_view symbol) {
    const SymbolState state = symbol_state(evidence, symbol);
    return state == SymbolState::unknown && row.severity == Severity::harmful ? SymbolState::off : state;
  };
  opinion.state = row.symbols.evaluate(lookup);
  opinion.changes = row.symbols.changes(lookup);
  const bool holds = *opinion.state >= SymbolState::module;
  std::vector<std::string> parts;
  std::vector<std::string> told = row.symbols.symbols();
  if (!holds) {
    told.clear();
    for (const auto& change : opinion.changes) told.push_back(change.symbol);
  }
  for (const auto& symbol : told) {
    const ConfigValue* value = evidence.config->find(symbol);
    if (value && value->text != "n")
      parts.push_back(fmt::format("CONFIG_{}={}{}", symbol, value->text,
                                  value->text == "m" && evidence.has_module && !evidence.has_module(symbol)
                                      ? " without its module in the image"
                                      : ""));
    else if (value || evidence.config_is_complete)
      parts.push_back(fmt::format("CONFIG_{} is not set", symbol));
    else
      parts.push_back(fmt::format("CONFIG_{} is not mentioned", symbol));
  }
  opinion.seen = join(parts, ", ");
  if (*opinion.state == SymbolState::module && !evidence.probe)
    opinion.seen += "; the module must be in the image";
  else if (*opinion.state == SymbolState::on && opinion.seen.contains("=m"))
    opinion.seen += "; the image has the module";
  return opinion;
}

Verdict failed_verdict(const MatrixRow& row, const Question& question) {
  return row.required() || question.features.contains(row.feature) ? Verdict::fail : Verdict::warn;
}

Finding finding_of(const MatrixRow& row, const Question& question) {
  Finding finding;
  finding.id = row.id;
  finding.title = row.title;
  finding.required = row.required() || (!row.feature.empty() && question.features.contains(row.feature));
  finding.severity = severity_text(row);
  finding.by_tree = row.by_tree;
  finding.breaks = row.breaks;
  finding.fix = row.fix;
  finding.source = row.source;
  finding.proof = row.proof;
  return finding;
}

std::string outside_of_kernels(const MatrixRow& row, const Evidence& evidence) {
  if (!evidence.kernel || row.kernel.contains(*evidence.kernel)) return "";
  return fmt::format("Linux {} is outside of {}", evidence.kernel->text(), row.kernel.text());
}

// Why the row has no meaning on this machine, or "".
std::string not_applicable_because(const MatrixRow& row, const Evidence& evidence, bool probing) {
  if (!row.architectures.empty() && !evidence.architecture.empty() &&
      std::ranges::find(row.architectures, evidence.architecture) == row.architectures.end())
    return fmt::format("does not exist on {} (only on {})", evidence.architecture,
                       join(row.architectures, ", "));
  // Distributions back-port in both directions: where a probe decides a window, the version does not.
  return row.window && probing ? "" : outside_of_kernels(row, evidence);
}

std::string joined(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + "; " + second;
}

// `failed` is the verdict that a row that does not hold gets.
Verdict verdict_of_config(SymbolState state, Verdict failed) {
  switch (state) {
    case SymbolState::on:
      return Verdict::pass;
    case SymbolState::module:
      return Verdict::warn;
    case SymbolState::unknown:
      return Verdict::unknown;
    case SymbolState::off:
      return failed;
  }
  return Verdict::unknown;
}

// The finding of its own that says that probe and configuration contradict each other.
std::optional<Finding> disagreement(const Finding& finding, const ProbeResult& probe,
                                    const ConfigOpinion& config, const Evidence& evidence) {
  if (!config.state || *config.state == SymbolState::unknown) return std::nullopt;
  const bool config_holds = *config.state >= SymbolState::module;
  const bool contradicted =
      (probe.status == Status::pass && !config_holds) || (probe.status == Status::fail && config_holds);
  if (!contradicted) return std::nullopt;
  Finding result = finding;
  result.id += ".disagreement";
  result.title = "configuration and running kernel disagree: " + finding.title;
  result.verdict = Verdict::warn;
  result.required = false;
  result.breaks = "one of the two is not what it seems; the probe's answer counts";
  result.fix = config_holds
                   ? "look for a seccomp filter, a masked or read-only /proc, a module that is not loaded, "
                     "or a configuration of another kernel"
                   : fmt::format("{} may not belong to the kernel that runs", evidence.config_name);
  return result;
}

// A window that a configuration does not excuse: the kernel's version decides. That a version is in a range
// is proven only by a lab case or a public report; distributions back-port in both directions, so that what
// was only read is warned of.
void judge_by_version(Finding& finding, const MatrixRow& row, Verdict failed, const Evidence& evidence) {
  const bool any_machine = row.architectures.empty() || !evidence.architecture.empty();
  if (!evidence.kernel || !any_machine) {
    finding.verdict = Verdict::unknown;
    finding.required = false;
    finding.seen = joined(
        finding.seen, fmt::format("the {} is not known", any_machine ? "kernel's version" : "architecture"));
  } else if (std::string outside = outside_of_kernels(row, evidence); !outside.empty()) {
    finding.verdict = Verdict::not_applicable;
    finding.seen = std::move(outside);
  } else {
    finding.verdict = row.proof == "read" ? Verdict::warn : failed;
    finding.required = finding.verdict == Verdict::fail;
    finding.seen =
        joined(finding.seen, fmt::format("Linux {} is in {}", evidence.kernel->text(), row.kernel.text()));
  }
}

void judge_by_config(Finding& finding, const MatrixRow& row, const ConfigOpinion& config, Verdict failed,
                     const Evidence& evidence) {
  finding.seen = config.seen;
  if (row.window) {
    if (*config.state < SymbolState::module) return judge_by_version(finding, row, failed, evidence);
    finding.verdict = Verdict::pass;
    return;
  }
  finding.verdict = verdict_of_config(*config.state, failed);
  if (finding.verdict != Verdict::fail || evidence.kernel || row.kernel.everything()) return;
  // A fragment names no version; who writes one now builds a kernel of now, which has what no later one lost.
  const bool has_no_end = row.kernel.contains(Version{{std::numeric_limits<int>::max(), 0, 0}});
  finding.seen += fmt::format("; counts only for Linux {}, and the kernel's version is not known{}",
                              row.kernel.text(), has_no_end ? ": taken for a new one" : "");
  if (!has_no_end) finding.verdict = Verdict::unknown;
}

// "CAP_SYS_ADMIN" of a probe's "…: Operation not permitted (needs CAP_SYS_ADMIN)"; "" when it lacked none.
std::string lacking_capability(std::string_view detail) {
  const auto at = detail.find("(needs CAP_");
  if (at == detail.npos) return "";
  const auto name = detail.substr(at + std::string_view("(needs ").size());
  return std::string(name.substr(0, name.find(')')));
}

void judge_by_probe(Finding& finding, const MatrixRow& row, const ProbeResult& probe,
                    const ConfigOpinion& config, Verdict failed, const Evidence& evidence) {
  finding.seen = joined(probe.detail, config.seen);
  switch (probe.status) {
    case Status::pass:
      finding.verdict = Verdict::pass;
      break;
    case Status::fail:
      finding.verdict = failed;
      break;
    case Status::not_applicable:
      finding.verdict = Verdict::not_applicable;
      break;
    // A probe that could not look leaves the word to the configuration or the kernel's version, where these
    // can say something.
    case Status::unknown:
      if (row.window)
        judge_by_version(finding, row, failed, evidence);
      else
        finding.verdict = config.state ? verdict_of_config(*config.state, failed) : Verdict::unknown;
      if (finding.verdict == Verdict::unknown)
        if (auto lacking = lacking_capability(probe.detail); !lacking.empty())
          finding.fix =
              fmt::format("ask again with {}, as root has it: an ordinary user cannot find out", lacking);
      break;
  }
}

// What a CRIU that does not ask for the row gets.
Finding not_asked(const MatrixRow& row, const Question& question) {
  Finding finding = finding_of(row, question);
  finding.verdict = Verdict::not_applicable;
  finding.seen =
      criu_versions().cover(question.criu)
          ? fmt::format("CRIU {} does not ask for it (only {} does)", question.criu.text(), row.criu.text())
          : fmt::format("no CRIU near {} asks for it (only {} does)", question.criu.text(), row.criu.text());
  return finding;
}

// The row's finding for a CRIU that asks for it, and the disagreement where there is one; none for a row that
// only a probe can judge when there are no probes.
std::vector<Finding> judge_row(const MatrixRow& row, const Question& question, const Evidence& evidence) {
  const bool probing = evidence.probe && !row.probe.empty();
  const ConfigOpinion config = ask_config(row, evidence);
  if (!probing && !config.state && !row.window && !row.no_port()) return {};
  if (row.no_port() && std::ranges::find(row.architectures, evidence.architecture) == row.architectures.end())
    return {};
  std::vector<Finding> findings = {finding_of(row, question)};
  Finding& finding = findings.front();
  if (finding.seen = not_applicable_because(row, evidence, probing); !finding.seen.empty()) {
    finding.verdict = Verdict::not_applicable;
    return findings;
  }
  if (!config.changes.empty() && !row.window) finding.fix = joined(lines_of(config.changes), row.fix);
  const Verdict failed = failed_verdict(row, question);
  if (row.no_port()) {
    finding.verdict = failed;
    finding.seen = "an architecture of " + evidence.architecture;
  } else if (probing) {
    const ProbeResult probe = evidence.probe(row.probe);
    judge_by_probe(finding, row, probe, config, failed, evidence);
    if (auto extra = disagreement(finding, probe, config, evidence)) findings.push_back(std::move(*extra));
  } else if (config.state) {
    judge_by_config(finding, row, config, failed, evidence);
  } else {
    judge_by_version(finding, row, failed, evidence);
  }
  return findings;
}

// The rows as the versions that ask for them see them; which version it is only decides whether it asks.
struct JudgedRow {
  const MatrixRow* row;
  std::vector<Finding> findings;  // not empty
};

std::vector<JudgedRow> judge_rows(const Matrix& matrix, const Question& question, const Evidence& evidence) {
  std::vector<JudgedRow> rows;
  rows.reserve(matrix.rows.size());
  for (const auto& row : matrix.rows)
    if (auto findings = judge_row(row, question, evidence); !findings.empty())
      rows.push_back({&row, std::move(findings)});
  return rows;
}

VersionVerdict verdict_of_version(const std::vector<JudgedRow>& rows, const Version& version) {
  using Weight = OverallVerdict::Weight;
  VersionVerdict result;
  result.version = version.text();
  result.verdicts.reserve(rows.size());
  OverallVerdict overall;
  for (const auto& [row, findings] : rows) {
    if (!row->criu.contains(version)) {
      result.verdicts.emplace_back(row->id, Verdict::not_applicable);
      continue;
    }
    for (const Finding& finding : findings) {
      overall.add(finding.verdict, finding.required ? Weight::required : Weight::optional);
      result.verdicts.emplace_back(finding.id, finding.verdict);
    }
  }
  result.verdict = overall.get();
  for (const auto& [row, findings] : rows)
    for (const Finding& finding : findings) {
      if (!row->criu.contains(version)) continue;
      if (finding.verdict == Verdict::unknown && finding.required) result.open.push_back(finding.id);
      if (finding.verdict == Verdict::fail) result.reasons.push_back(finding.id);
    }
  if (result.verdict == Verdict::unknown) result.reasons = result.open;
  return result;
}

// What `question` gets of them.
std::vector<Finding> findings_of(std::vector<JudgedRow> rows, const Question& question) {
  std::vector<Finding> list;
  list.reserve(rows.size());
  for (auto& [row, findings] : rows) {
    if (!row->criu.contains(question.criu))
      list.push_back(not_asked(*row, question));
    else
      list.insert(list.end(), std::make_move_iterator(findings.begin()),
                  std::make_move_iterator(findings.end()));
  }
  return list;
}

std::string plural(std::ptrdiff_t count, std::string_view singular, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? singular : several);
}

}  // namespace

std::vector<Finding> judge(const Matrix& matrix, const Question& question, const Evidence& evidence) {
  auto findings = findings_of(judge_rows(matrix, question, evidence), question);
  respect_coverage(findings, question.criu);
  return findings;
}

std::string headline(const std::vector<Finding>& findings, const Version& criu) {
  const Verdict verdict = overall_verdict(findings);
  if (verdict == Verdict::unknown && !criu_versions().cover(criu))
    return "NOT KNOWN: " + criu_versions().not_covered(criu);
  if (verdict == Verdict::fail) {
    const auto failed = std::ranges::count(findings, Verdict::fail, &Finding::verdict);
    return fmt::format("NOT READY for CRIU {}: {}", criu.text(),
                       plural(failed, "requirement fails", "requirements fail"));
  }
  if (verdict == Verdict::unknown) {
    const auto open = std::ranges::count_if(
        findings, [](const Finding& f) { return f.verdict == Verdict::unknown && f.required; });
    return fmt::format("UNDECIDED for CRIU {}: {} could not be checked", criu.text(),
                       plural(open, "requirement", "requirements"));
  }
  const auto warnings = std::ranges::count(findings, Verdict::warn, &Finding::verdict);
  return fmt::format("READY for CRIU {}{}", criu.text(),
                     warnings == 0 ? "" : fmt::format(" ({})", plural(warnings, "warning", "warnings")));
}

Subject judge_subject(const Matrix& matrix, const Question& question, const Evidence& evidence,
                      std::string name) {
  auto rows = judge_rows(matrix, question, evidence);
  Subject subject;
  subject.name = std::move(name);
  for (const auto& version : criu_versions().all) {
    subject.versions.push_back(verdict_of_version(rows, version));
    subject.versions.back().judged = version == question.criu;
  }
  if (!criu_versions().cover(question.criu)) subject.versions.push_back(open_verdict(question.criu));
  subject.findings = findings_of(std::move(rows), question);
  respect_coverage(subject.findings, question.criu);
  subject.verdict = overall_verdict(subject.findings);
  subject.headline = headline(subject.findings, question.criu);
  return subject;
}

Cure cure_of(const Matrix& matrix, const Question& question, const Evidence& evidence) {
  std::vector<FragmentLine> lines;
  for (const auto& row : matrix.rows) {
    if (row.window || !row.criu.contains(question.criu)) continue;
    const auto findings = judge_row(row, question, evidence);
    if (findings.empty() || findings[0].verdict != Verdict::fail) continue;
    for (const auto& change : ask_config(row, evidence).changes)
      if (std::ranges::find(lines, change.symbol, &FragmentLine::symbol) == lines.end())
        lines.push_back({change.symbol, change.to_on, {}, ""});
  }
  FragmentQuestion kernel;
  kernel.kernel = evidence.kernel;
  Cure cure;
  for (const auto& line : with_dependencies(matrix, kernel, std::move(lines)))
    if (!line.on || !evidence.config || evidence.config->value(line.symbol) != "y")
      cure.lines.push_back(fmt::format("CONFIG_{}={}", line.symbol, line.on ? 'y' : 'n'));
  if (cure.lines.size() < 2) return {};
  cure.title = fmt::format("These {} lines cure all that a configuration can", cure.lines.size());
  std::vector<std::string> words = {"kcheck", "fragment", "--criu", question.criu.text()};
  for (const auto& feature : question.features) words.insert(words.end(), {"--feature", feature});
  words.insert(words.end(), {"--arch", evidence.architecture.empty() ? "any" : evidence.architecture});
  if (evidence.kernel) words.insert(words.end(), {"--kernel", evidence.kernel->text()});
  cure.command = shell_words(words) + " > criu.conf";
  return cure;
}

std::string kernel_remark(const Matrix& matrix, const std::optional<Version>& kernel) {
  if (!kernel || !matrix.newest_kernel) return "";
  const auto series = [](const Version& version) { return std::pair(version.number[0], version.number[1]); };
  if (series(*kernel) <= series(*matrix.newest_kernel)) return "";
  return fmt::format("; newer than any that the lab has seen ({}): what breaks CRIU there is not known here",
                     matrix.newest_kernel->text());
}

std::string matrix_architecture(std::string_view name, const KernelConfig* config) {
  const auto is_on = [&](std::string_view symbol) { return config && config->value(symbol) == "y"; };
  // Where only a whole configuration can say which of two it is: what most people mean, unless it denies
  // that.
  const auto denied = [&](std::string_view symbol) {
    return config && (config->find(symbol) || !config->version.empty()) && !is_on(symbol);
  };
  if (is_on("UML")) return "um";
  if (name.empty()) {  // no header; the configuration's own symbols may say it
    for (const auto& [symbol, folder] : {std::pair{"X86_64", "x86"},
                                         {"X86_32", "i386"},
                                         {"ARM64", "arm64"},
                                         {"ARM", "arm"},
                                         {"S390", "s390"},
                                         {"PPC64", "powerpc"},
                                         {"PPC32", "ppc"},
                                         {"RISCV", "riscv"},
                                         {"LOONGARCH", "loongarch"},
                                         {"SPARC64", "sparc64"},
                                         {"MIPS", "mips"}})
      if (is_on(symbol)) return matrix_architecture(folder, config);
    return "";
  }
  if (name == "x86" || name == "x86_64" || name == "i386" || name == "i686")
    return is_on("X86_64") || (name.starts_with("x86") && !denied("X86_64")) ? "x86_64" : "i386";
  if (name == "arm64" || name == "aarch64") return is_on("CPU_BIG_ENDIAN") ? "arm64be" : "arm64";
  if (name == "aarch64_be") return "arm64be";
  if (name == "powerpc") return denied("PPC64") ? "ppc" : denied("CPU_LITTLE_ENDIAN") ? "ppc64" : "ppc64le";
  if (name == "riscv") return denied("64BIT") ? "riscv32" : "riscv64";
  if (name == "loongarch") return denied("64BIT") ? "loongarch32" : "loongarch64";
  if (name == "mips") return denied("64BIT") ? "mips" : "mips64";
  if (name == "sparc") return denied("64BIT") ? "sparc" : "sparc64";
  if (name.starts_with("armv")) return "arm";
  static const std::map<std::string_view, std::string_view> others = {
      {"s390", "s390x"}, {"sparc32", "sparc"}, {"parisc64", "parisc"}};
  if (const auto other = others.find(name); other != others.end()) return std::string(other->second);
  const auto& known = known_architectures();
  return std::ranges::find(known, name) == known.end() ? "" : std::string(name);
}

}  // namespace cg
