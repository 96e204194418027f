#include <nlohmann/json.hpp>
#include <set>

#include "report/formats.h"

namespace cg {
namespace {

using Json = nlohmann::ordered_json;

const char* level_of(const Finding& finding) {
  switch (finding.verdict) {
    case Verdict::fail:
      return "error";
    case Verdict::warn:
      return "warning";
    default:
      return "note";
  }
}

Json location_of(const Finding& finding) {
  Json location;
  location["physicalLocation"]["artifactLocation"]["uri"] = finding.file;
  if (finding.line) location["physicalLocation"]["region"]["startLine"] = finding.line;
  return location;
}

Json rule_of(const Finding& finding) {
  Json rule;
  rule["id"] = finding.id;
  rule["shortDescription"]["text"] = finding.title;
  if (!finding.breaks.empty()) rule["fullDescription"]["text"] = finding.breaks;
  if (!finding.fix.empty()) rule["help"]["text"] = finding.fix;
  if (finding.source.starts_with("http")) rule["helpUri"] = finding.source;
  rule["properties"]["severity"] = finding.severity;
  return rule;
}

Json result_of(const Finding& finding, const Subject& subject) {
  std::string text = finding.title;
  for (const std::string& part : {finding.seen, finding.breaks}) {
    if (!part.empty()) text += ". " + part;
  }
  if (!finding.fix.empty()) text += ". Fix: " + finding.fix;
  Json result;
  result["ruleId"] = finding.id;
  result["level"] = level_of(finding);
  result["message"]["text"] = subject.name + ": " + text;
  if (!finding.file.empty()) result["locations"] = Json::array({location_of(finding)});
  if (!finding.waiver.empty())
    result["suppressions"] = Json::array({Json{{"kind", "external"}, {"justification", finding.waiver}}});
  return result;
}

}  // namespace

std::string to_sarif(const Report& report) {
  Json driver;
  driver["name"] = "kcheck";
  driver["version"] = CG_VERSION;
  driver["rules"] = Json::array();
  Json results = Json::array();
  std::set<std::string> rules;
  for (const auto& subject : report.subjects)
    for (const auto& finding : subject.findings) {
      const bool open = finding.verdict == Verdict::unknown && finding.required;
      if (finding.verdict != Verdict::fail && finding.verdict != Verdict::warn && !open) continue;
      if (rules.insert(finding.id).second) driver["rules"].push_back(rule_of(finding));
      results.push_back(result_of(finding, subject));
    }
  Json run;
  run["tool"]["driver"] = std::move(driver);
  run["results"] = std::move(results);
  Json document;
  document["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  document["version"] = "2.1.0";
  document["runs"] = Json::array({std::move(run)});
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cg
