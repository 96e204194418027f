#include <fmt/format.h>

#include <algorithm>

#include "base/shown.h"
#include "base/text.h"
#include "report/formats.h"

namespace cg {
namespace {

// A table's cell: one line, and no sign that Markdown would read as its own.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : shown_lines(text)) {
    if (c == '\n') {
      out += "<br>";
    } else {
      if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<' || c == '[') out += '\\';
      out += c;
    }
  }
  return out;
}

bool matters(const Finding& finding) {
  return finding.verdict == Verdict::fail || finding.verdict == Verdict::warn ||
         (finding.verdict == Verdict::unknown && finding.required);
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string out;
  for (const auto& subject : report.subjects) {
    out += fmt::format("{}## {}\n\n**{}**\n\n", out.empty() ? "" : "\n", cell(subject.name),
                       cell(subject.headline));
    for (const auto& [key, value] : subject.facts) out += fmt::format("- {}: {}\n", cell(key), cell(value));
    if (!subject.versions.empty()) {
      out += "\n| CRIU |";
      for (const auto& version : subject.versions)
        out += fmt::format(" {}{} |", version.version, version.judged ? " (judged)" : "");
      out += "\n|---|";
      for (std::size_t i = 0; i < subject.versions.size(); ++i) out += "---|";
      out += "\n| verdict |";
      for (const auto& version : subject.versions) out += fmt::format(" {} |", verdict_name(version.verdict));
      out += "\n";
    }
    if (std::ranges::any_of(subject.findings, matters))
      out += "\n| Verdict | Requirement | Seen | Fix |\n|---|---|---|---|\n";
    for (const Verdict verdict : {Verdict::fail, Verdict::unknown, Verdict::warn})
      for (const auto& finding : subject.findings) {
        if (finding.verdict != verdict || !matters(finding)) continue;
        const std::string at = finding.line ? fmt::format(" ({}:{})", finding.file, finding.line) : "";
        out += fmt::format("| {}{} | {}: {} | {}{} | {} |\n", verdict_name(verdict),
                           finding.waiver.empty() ? "" : ", waived", cell(finding.id), cell(finding.title),
                           cell(finding.seen), cell(at),
                           cell(finding.waiver.empty() ? finding.fix : finding.waiver));
      }
    if (!subject.commands.empty()) {
      out += "\n```sh\n";
      for (const auto& [name, words] : subject.commands) out += shell_words(words) + "\n";
      out += "```\n";
    }
    if (!subject.cure.lines.empty()) {
      out += fmt::format("\n{}:\n\n```\n{}\n```\n", cell(subject.cure.title), join(subject.cure.lines, "\n"));
      if (!subject.cure.command.empty()) out += fmt::format("\n```sh\n{}\n```\n", subject.cure.command);
    }
    std::vector<std::string> counts;
    for (const Verdict verdict :
         {Verdict::pass, Verdict::warn, Verdict::fail, Verdict::unknown, Verdict::not_applicable})
      counts.push_back(fmt::format("{} {}", std::ranges::count(subject.findings, verdict, &Finding::verdict),
                                   verdict_name(verdict)));
    out += "\n" + join(counts, ", ") + "\n";
  }
  return out;
}

}  // namespace cg
