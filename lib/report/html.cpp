#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>

#include "base/text.h"
#include "report/formats.h"
#include "report/markup.h"

namespace cg {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --line: #8884; --faint: #666; }
@media (prefers-color-scheme: dark) { :root { --faint: #a2a2a2; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
h2, .facts, details { max-width: 78rem; }
.facts { margin: 0; color: var(--faint); }
.frame { overflow: auto; max-height: 94vh; width: max-content; max-width: 100%; }
table { border-collapse: separate; border-spacing: 0; margin: 0; }
th, td { border: 1px solid var(--line); border-width: 0 1px 1px 0; padding: .15rem .5rem; text-align: left; vertical-align: top; }
thead th { position: sticky; background: Canvas; border-top-width: 1px; }
thead tr:first-child th { top: 0; height: 3.1rem; overflow-wrap: anywhere; } thead tr + tr th { top: 3.4rem; }
tbody th, tbody td:first-child, thead tr:first-child th:first-child { position: sticky; left: 0; background: Canvas; }
thead tr:first-child th:first-child { z-index: 1; }
tbody td:first-child, tbody th { min-width: 15rem; max-width: 24rem; }
td.v { text-align: center; font-weight: 600; padding: .15rem 0; min-width: 2rem; }
thead tr + tr th { font-size: .65rem; padding: .15rem .1rem; text-align: center; white-space: nowrap; }
.new { border-left: 2px solid #888; }
th.judged { text-decoration: underline; }
.PASS { background: #2da44e33; } .FAIL { background: #cf222e55; } .WARN { background: #d4a72c55; }
.UNKNOWN { background: #8250df33; } .NA { color: var(--faint); }
details { margin: .4rem 0; } summary { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .3rem 0 .3rem 1rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; } pre { margin: 0; white-space: pre-wrap; font: inherit; }
pre.command { font: 13px/1.4 ui-monospace, monospace; border: 1px solid var(--line); padding: .4rem .6rem; margin: .4rem 0;
  max-width: 78rem; overflow-wrap: anywhere; }
@media (max-width: 48rem) {
  body { margin: .8rem; } .frame { max-height: none; }
  tbody th, tbody td:first-child, thead tr:first-child th:first-child { position: static; }
  thead th { position: static; } tbody td:first-child, tbody th { min-width: 9rem; max-width: 11rem; overflow-wrap: anywhere; }
  dl { grid-template-columns: 1fr; margin-left: .3rem; } dd { margin: 0 0 .3rem .8rem; }
}
@media print {
  .frame { overflow: visible; max-height: none; } th, td { position: static !important; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } details, tr { break-inside: avoid; }
}
)";

std::string_view class_of(Verdict verdict) {
  return verdict == Verdict::not_applicable ? "NA" : verdict_name(verdict);
}

// A sign beside the color: neither is needed to understand the other.
std::string_view sign_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "\u2713";
    case Verdict::warn:
      return "!";
    case Verdict::fail:
      return "\u2717";
    case Verdict::unknown:
      return "?";
    case Verdict::not_applicable:
      return "\u2013";
  }
  return "";
}

// The verdict of a finding for one version; a version that was not judged row by row has none.
const Verdict* verdict_in(const VersionVerdict& version, const std::string& id) {
  const auto found = std::ranges::find(version.verdicts, id, &std::pair<std::string, Verdict>::first);
  return found == version.verdicts.end() ? nullptr : &found->second;
}

// Where in a subject's columns a cell stands: its first one begins with a line.
enum class Column { first, further };
std::string_view line_of(Column column) {
  return column == Column::first ? " new" : "";
}

void write_cell(std::string& out, const Verdict* verdict, std::string_view tip, Column column) {
  if (verdict)
    out += fmt::format("<td class=\"v {}{}\" title=\"{}\">{}</td>", class_of(*verdict), line_of(column),
                       escape_markup(tip), sign_of(*verdict));
  else
    out += fmt::format("<td class=\"v{}\"></td>", line_of(column));
}

void write_versions(std::string& out, const Subject& subject) {
  Column column = Column::first;
  for (const auto& version : subject.versions) {
    out += fmt::format("<th class=\"{}{}\">{}</th>", version.judged ? "judged" : "", line_of(column),
                       escape_markup(version.version));
    column = Column::further;
  }
  if (subject.versions.empty()) out += "<th class=\"new\"></th>";
}

// The columns of one subject; `verdict_of` a version, and what to say of it.
template <class VerdictOf>
void write_cells(std::string& out, const Subject& subject, const Verdict* of_all, std::string_view tip,
                 VerdictOf verdict_of) {
  Column column = Column::first;
  for (const auto& version : subject.versions) {
    const Verdict* verdict = verdict_of(version);
    write_cell(out, verdict,
               fmt::format("CRIU {}: {}: {}", version.version, verdict ? verdict_name(*verdict) : "", tip),
               column);
    column = Column::further;
  }
  if (subject.versions.empty()) write_cell(out, of_all, tip, column);
}

// One row a requirement, one column a CRIU version of each subject; requirements that pass everywhere come
// last.
void write_grid(std::string& out, const Report& report) {
  std::vector<const Finding*> rows;
  std::map<std::string, int> weight;
  for (const auto& subject : report.subjects)
    for (const auto& finding : subject.findings)
      if (weight.emplace(finding.id, 0).second) rows.push_back(&finding);
  for (const auto& subject : report.subjects) {
    for (const auto& version : subject.versions)
      for (const auto& [id, verdict] : version.verdicts)
        if (weight.contains(id))
          weight[id] = std::max(weight[id], verdict == Verdict::fail      ? 3
                                            : verdict == Verdict::unknown ? 2
                                            : verdict == Verdict::warn    ? 1
                                                                          : 0);
  }
  std::ranges::stable_sort(rows, std::ranges::greater(),
                           [&](const Finding* finding) { return weight[finding->id]; });
  out += "<div class=\"frame\"><table id=\"grid\"><thead><tr><th rowspan=\"2\">Requirement</th>";
  for (const auto& subject : report.subjects)
    out += fmt::format("<th class=\"new\" colspan=\"{}\">{}</th>",
                       std::max<std::size_t>(1, subject.versions.size()), escape_markup(subject.name));
  out += "</tr><tr>";
  for (const auto& subject : report.subjects) write_versions(out, subject);
  out += "</tr></thead><tbody>\n<tr><th>all of them</th>";
  for (const auto& subject : report.subjects)
    write_cells(out, subject, &subject.verdict, subject.headline,
                [](const VersionVerdict& version) { return &version.verdict; });
  out += "</tr>\n";
  for (const Finding* row : rows) {
    out += fmt::format("<tr><td>{}</td>", escape_markup(row->title));
    for (const auto& subject : report.subjects) {
      const auto own = std::ranges::find(subject.findings, row->id, &Finding::id);
      const bool here = own != subject.findings.end();
      write_cells(out, subject, here ? &own->verdict : nullptr,
                  here ? fmt::format("{}: {}", row->id, own->seen) : row->id,
                  [&](const VersionVerdict& version) { return verdict_in(version, row->id); });
    }
    out += "</tr>\n";
  }
  out +=
      "</tbody></table></div>\n<p class=\"facts\">\u2713 holds, ! a warning, \u2717 fails, ? not known, "
      "\u2013 does not "
      "apply; underlined: the version that is judged</p>\n";
}

void write_entry(std::string& out, std::string_view label, const std::string& text) {
  if (!text.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>", label, escape_markup(text));
}

void write_finding(std::string& out, const Finding& finding) {
  out += fmt::format("<details{}><summary><b class=\"{}\">{}</b> {} <code>{}</code></summary><dl>",
                     finding.verdict == Verdict::fail ? " open" : "", class_of(finding.verdict),
                     verdict_name(finding.verdict), escape_markup(finding.title), escape_markup(finding.id));
  write_entry(out, "seen", finding.seen);
  if (finding.line) write_entry(out, "at", fmt::format("{}:{}", finding.file, finding.line));
  std::string notes;
  for (const auto& note : finding.notes) notes += escape_markup(note) + "\n";
  if (!notes.empty()) out += fmt::format("<dt>because</dt><dd><pre>{}</pre></dd>", notes);
  write_entry(out, "breaks", finding.breaks);
  write_entry(out, "fix", finding.fix);
  write_entry(out, "waived", finding.waiver);
  write_entry(out, "source", finding.source);
  write_entry(out, "proof", finding.proof);
  out += "</dl></details>\n";
}

}  // namespace

namespace {

void write_findings(std::string& out, const Subject& subject, std::initializer_list<Verdict> verdicts) {
  for (const Verdict verdict : verdicts)
    for (const auto& finding : subject.findings)
      if (finding.verdict == verdict) write_finding(out, finding);
}

}  // namespace

namespace {

void write_cure(std::string& out, const Cure& cure) {
  if (cure.lines.empty()) return;
  out += fmt::format("<p>{}:</p>\n<pre class=\"command\">{}</pre>\n", escape_markup(cure.title),
                     escape_markup(join(cure.lines, "\n")));
  if (!cure.command.empty())
    out += fmt::format("<pre class=\"command\">{}</pre>\n", escape_markup(cure.command));
}

}  // namespace

// First what is to be done, of each subject; then all that was asked.
std::string to_html(const Report& report) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>kcheck {}</title><style>{}</style></head><body>\n<h1>kcheck "
      "{}{}</h1>\n",
      escape_markup(report.command), style, escape_markup(report.command),
      report.version.empty() ? "" : " for CRIU " + escape_markup(report.version));
  for (const auto& subject : report.subjects) {
    out +=
        fmt::format("<h2><span class=\"{}\">{}</span></h2>\n<p class=\"facts\">{}</p>\n",
                    class_of(subject.verdict), escape_markup(subject.headline), escape_markup(subject.name));
    for (const auto& [key, value] : subject.facts)
      out += fmt::format("<p class=\"facts\">{} {}</p>\n", escape_markup(key), escape_markup(value));
    for (const auto& [name, words] : subject.commands)
      out += fmt::format("<pre class=\"command\">{}</pre>\n", escape_markup(shell_words(words)));
    write_cure(out, subject.cure);
    write_findings(out, subject, {Verdict::fail, Verdict::unknown, Verdict::warn});
  }
  out += "<h2>All requirements</h2>\n";
  write_grid(out, report);
  for (const auto& subject : report.subjects) {
    const auto good = [](const Finding& finding) {
      return finding.verdict == Verdict::pass || finding.verdict == Verdict::not_applicable;
    };
    if (std::ranges::none_of(subject.findings, good)) continue;
    if (report.subjects.size() > 1)
      out += fmt::format("<p class=\"facts\">{}</p>\n", escape_markup(subject.name));
    write_findings(out, subject, {Verdict::pass, Verdict::not_applicable});
  }
  return out + "</body></html>\n";
}

}  // namespace cg
