#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/sha256.h"
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

// A reference as RFC 3986 has it: relative below the working directory, where a checkout is the root of what
// a code host shows; else a file URI.
std::string uri_of(const std::string& file) {
  std::error_code none;
  const auto here = std::filesystem::current_path(none);
  auto path = std::filesystem::path(file).lexically_normal();
  if (path.is_absolute() && !none)
    if (const auto below = path.lexically_relative(here); !below.empty() && *below.begin() != "..")
      path = below;
  std::string uri = path.is_absolute() ? "file://" : "";
  for (const char c : path.string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").contains(c);
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

// A result without a place is refused by code hosts, and with it the file: what is no file, such as a running
// kernel, is named in the place of one.
Json location_of(const Finding& finding, const Subject& subject) {
  Json location;
  location["physicalLocation"]["artifactLocation"]["uri"] =
      uri_of(finding.file.empty() ? subject.name : finding.file);
  location["physicalLocation"]["region"]["startLine"] = std::max<std::size_t>(finding.line, 1);
  return location;
}

// Where what is known of the finding can be read: an issue, or CRIU's sources ("v4.2:criu/net.c:2099").
std::string help_uri(const std::string& source) {
  if (source.starts_with("http")) return source.substr(0, source.find_first_of(" ;,"));
  const auto tag = source.find(':');
  const auto line = source.find(':', tag == source.npos ? tag : tag + 1);
  if (!source.starts_with('v') || line == source.npos) return "";
  const std::string path = source.substr(tag + 1, line - tag - 1);
  std::size_t end = line + 1;
  while (end < source.size() && source[end] >= '0' && source[end] <= '9') ++end;
  const bool plain = path.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == path.npos;
  if (!plain || end == line + 1 || !path.contains('/')) return "";
  return fmt::format("https://github.com/checkpoint-restore/criu/blob/{}/{}#L{}", source.substr(0, tag), path,
                     source.substr(line + 1, end - line - 1));
}

Json rule_of(const Finding& finding) {
  Json rule;
  rule["id"] = finding.id;
  rule["shortDescription"]["text"] = finding.title;
  if (!finding.breaks.empty()) rule["fullDescription"]["text"] = finding.breaks;
  if (!finding.fix.empty()) rule["help"]["text"] = finding.fix;
  if (const auto uri = help_uri(finding.source); !uri.empty()) rule["helpUri"] = uri;
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
  result["locations"] = Json::array({location_of(finding, subject)});
  // The same fault is the same alert, wherever its line has moved to.
  result["partialFingerprints"]["finding/v1"] =
      sha256_hex(finding.id + "\n" + uri_of(subject.name) + "\n" + finding.seen).substr(0, 32);
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
