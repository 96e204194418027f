#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/formats.h"
#include "report/markup.h"

namespace cg {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
.facts { margin: 0; color: #777; }
.frame { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: left; vertical-align: top; }
thead th { position: sticky; top: 0; background: Canvas; }
td.v { text-align: center; font-weight: 600; min-width: 2.6rem; }
th.judged { text-decoration: underline; }
.PASS { background: #2da44e33; } .FAIL { background: #cf222e55; } .WARN { background: #d4a72c55; }
.UNKNOWN { background: #8250df33; } .NA { color: #999; }
details { margin: .4rem 0; } summary { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .3rem 0 .3rem 1rem; }
dt { color: #777; } dd { margin: 0; } pre { margin: 0; white-space: pre-wrap; font: inherit; }
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

void write_cell(std::string& out, const Verdict* verdict, std::string_view tip) {
  if (verdict)
    out += fmt::format("<td class=\"v {}\" title=\"{}\">{}</td>", class_of(*verdict), escape_markup(tip),
                       sign_of(*verdict));
  else
    out += "<td class=\"v\"></td>";
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
    out += fmt::format("<th colspan=\"{}\">{}</th>", std::max<std::size_t>(1, subject.versions.size()),
                       escape_markup(subject.name));
  out += "</tr><tr>";
  for (const auto& subject : report.subjects) {
    for (const auto& version : subject.versions)
      out += fmt::format("<th{}>{}</th>", version.judged ? " class=\"judged\"" : "",
                         escape_markup(version.version));
    if (subject.versions.empty()) out += "<th></th>";
  }
  out += "</tr></thead><tbody>\n<tr><th>all of them</th>";
  for (const auto& subject : report.subjects) {
    for (const auto& version : subject.versions)
      write_cell(out, &version.verdict, verdict_name(version.verdict));
    if (subject.versions.empty()) write_cell(out, &subject.verdict, verdict_name(subject.verdict));
  }
  out += "</tr>\n";
  for (const Finding* row : rows) {
    out += fmt::format("<tr><td>{}</td>", escape_markup(row->title));
    for (const auto& subject : report.subjects) {
      const auto own = std::ranges::find(subject.findings, row->id, &Finding::id);
      for (const auto& version : subject.versions) {
        const Verdict* verdict = verdict_in(version, row->id);
        write_cell(out, verdict,
                   fmt::format("CRIU {}: {} {}: {}", version.version, row->id,
                               verdict ? verdict_name(*verdict) : "", row->seen));
      }
      if (subject.versions.empty())
        write_cell(out, own == subject.findings.end() ? nullptr : &own->verdict, row->seen);
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
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

std::string to_html(const Report& report) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>kcheck {}</title><style>{}</style></head><body>\n<h1>kcheck "
      "{}{}</h1>\n",
      escape_markup(report.command), style, escape_markup(report.command),
      report.version.empty() ? "" : " for CRIU " + escape_markup(report.version));
  write_grid(out, report);
  for (const auto& subject : report.subjects) {
    out +=
        fmt::format("<h2><span class=\"{}\">{}</span></h2>\n<p class=\"facts\">{}</p>\n",
                    class_of(subject.verdict), escape_markup(subject.headline), escape_markup(subject.name));
    for (const auto& [key, value] : subject.facts)
      out += fmt::format("<p class=\"facts\">{} {}</p>\n", escape_markup(key), escape_markup(value));
    for (const Verdict verdict :
         {Verdict::fail, Verdict::unknown, Verdict::warn, Verdict::pass, Verdict::not_applicable})
      for (const auto& finding : subject.findings)
        if (finding.verdict == verdict) write_finding(out, finding);
  }
  return out + "</body></html>\n";
}

}  // namespace cg
