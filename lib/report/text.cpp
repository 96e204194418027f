#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown.h"
#include "base/text.h"

namespace cg {
namespace {

std::string_view color_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "\x1b[32m";
    case Verdict::warn:
    case Verdict::unknown:
      return "\x1b[33m";
    case Verdict::fail:
      return "\x1b[1;31m";
    case Verdict::not_applicable:
      return "\x1b[2m";
  }
  return "";
}

std::string painted(std::string_view text, Verdict verdict, const TextOptions& options) {
  return options.color ? fmt::format("{}{}\x1b[0m", color_of(verdict), text) : std::string(text);
}

// Names of processes, files and images, and a log's words, may have anything in them; this is a terminal.
// Further lines of the text stand below its first.
void write_label(std::string& out, std::string_view label, std::string_view text) {
  for (const auto line : split_lines(text)) {
    out += fmt::format("        {:<7} {}\n", label, shown_lines(line));
    label = "";
  }
}

void write_fact(std::string& out, std::string_view key, std::string_view value) {
  for (const auto line : split_lines(value)) {
    out += fmt::format("  {:<10} {}\n", key, shown_lines(line));
    key = "";
  }
  if (value.empty()) out += fmt::format("  {:<10} \n", key);
}

// The answer to a question that someone asks at night: the headline has said what it is and the advice what
// to do; here is the rest. Ids and places in sources are for those who ask for every row.
void write_answer(std::string& out, const Finding& finding, const TextOptions& options) {
  const auto lines = split_lines(finding.fix);
  write_label(out, "why", finding.breaks);
  write_label(out, "seen", finding.seen);
  if (finding.line) write_label(out, "at", fmt::format("{}:{}", finding.file, finding.line));
  for (std::size_t i = 1; i < lines.size(); ++i) write_label(out, i == 1 ? "or" : "", lines[i]);
  for (const auto& note : finding.notes) write_label(out, "", note);
  if (!options.all_rows) return;
  write_label(out, "id", finding.id);
  write_label(out, "source", finding.source);
  write_label(out, "proof", finding.proof);
}

// `kcheck explain` gives one answer, and the first finding is it.
bool is_answer(const Report& report, const Subject& subject) {
  return report.command == "explain" && !subject.findings.empty();
}

// FAIL, and an UNKNOWN that leaves the verdict open, in full; WARN and the rest in two lines.
void write_finding(std::string& out, const Finding& finding, const TextOptions& options) {
  out += fmt::format("{} {}  {}\n",
                     painted(fmt::format("{:<7}", verdict_name(finding.verdict)), finding.verdict, options),
                     finding.id, shown_lines(finding.title));
  const bool bad = finding.verdict == Verdict::fail || finding.verdict == Verdict::warn ||
                   (finding.verdict == Verdict::unknown && finding.required);
  if (bad || options.all_rows) write_label(out, "seen", finding.seen);
  if (finding.line && (bad || options.all_rows))
    write_label(out, "at", fmt::format("{}:{}", finding.file, finding.line));
  if (bad)
    for (const auto& note : finding.notes) out += fmt::format("          {}\n", shown_lines(note));
  write_label(out, "waived", finding.waiver);
  if (!bad) return;
  if (finding.verdict == Verdict::fail || options.all_rows) write_label(out, "breaks", finding.breaks);
  write_label(out, "fix", finding.fix);
  if (finding.verdict != Verdict::fail && !options.all_rows) return;
  write_label(
      out, "source",
      finding.proof.empty() ? finding.source : fmt::format("{} (proof: {})", finding.source, finding.proof));
}

void write_findings(std::string& out, const Subject& subject, const Finding* answer,
                    const TextOptions& options) {
  if (answer) write_answer(out, *answer, options);
  for (const Verdict verdict :
       {Verdict::fail, Verdict::unknown, Verdict::warn, Verdict::pass, Verdict::not_applicable}) {
    const bool quiet = verdict == Verdict::pass || verdict == Verdict::not_applicable;
    if (quiet && !options.all_rows) continue;
    for (const auto& finding : subject.findings)
      if (finding.verdict == verdict && &finding != answer) write_finding(out, finding, options);
  }
}

std::string_view readiness(Verdict verdict) {
  switch (verdict) {
    case Verdict::fail:
      return "not ready";
    case Verdict::unknown:
      return "not known";
    default:
      return "ready";
  }
}

void write_versions(std::string& out, const Subject& subject, const TextOptions& options) {
  if (subject.versions.empty()) return;
  out += "\n";
  constexpr std::size_t most_reasons = 4;
  for (const auto& version : subject.versions) {
    std::vector<std::string> reasons = version.reasons;
    const std::size_t more =
        reasons.size() > most_reasons && !options.all_rows ? reasons.size() - most_reasons : 0;
    reasons.resize(reasons.size() - more);
    std::string why = join(reasons, ", ");
    if (more) why += fmt::format(" and {} more", more);
    out += fmt::format("{} CRIU {:<7}{}{}\n", version.judged ? ">" : " ", version.version,
                       painted(readiness(version.verdict), version.verdict, options),
                       why.empty() ? "" : ": " + why);
  }
}

void write_counts(std::string& out, const Subject& subject, const TextOptions& options) {
  std::string line;
  for (const Verdict verdict :
       {Verdict::pass, Verdict::warn, Verdict::fail, Verdict::unknown, Verdict::not_applicable}) {
    const auto count = std::ranges::count(subject.findings, verdict, &Finding::verdict);
    line += fmt::format("{}{} {}", line.empty() ? "" : " · ", count, verdict_name(verdict));
  }
  out += fmt::format("\n{}{}\n", line, options.all_rows ? "" : " (-v shows every row)");
}

// Last, where a person's eye is when all has gone by.
void write_cure(std::string& out, const Cure& cure) {
  if (cure.lines.empty()) return;
  out += fmt::format("\n{}:\n{}\n", cure.title, join(cure.lines, "\n"));
  if (!cure.command.empty()) out += fmt::format("As a file, with what is there already:\n{}\n", cure.command);
}

}  // namespace

std::string to_text(const Report& report, const TextOptions& options) {
  std::string out;
  for (const auto& subject : report.subjects) {
    if (!out.empty()) out += "\n";
    out += painted(shown_lines(subject.headline), subject.verdict, options) + "\n";
    const Finding* answer = is_answer(report, subject) ? &subject.findings[0] : nullptr;
    if (answer && !answer->fix.empty())
      out += fmt::format("  {:<10} {}\n", "do", shown_lines(split_lines(answer->fix)[0]));
    for (const auto& [key, value] : subject.facts) write_fact(out, key, value);
    for (const auto& [name, words] : subject.commands)
      out += fmt::format("\n{}\n", shown_lines(shell_words(words)));
    std::string findings;
    write_findings(findings, subject, answer, options);
    if (!findings.empty()) out += "\n" + findings;
    write_versions(out, subject, options);
    if (subject.findings.size() > 1 && !answer) write_counts(out, subject, options);
    write_cure(out, subject.cure);
  }
  return out;
}

}  // namespace cg
