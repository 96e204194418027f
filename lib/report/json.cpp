#include "report/json.h"

#include <nlohmann/json.hpp>

namespace cg {
namespace {

using Json = nlohmann::ordered_json;

// Members without content are left out; the schema says which ones are always there.
void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

Json to_object(const Finding& finding) {
  Json object;
  object["id"] = finding.id;
  object["title"] = finding.title;
  object["verdict"] = verdict_name(finding.verdict);
  object["severity"] = finding.severity;
  object["required"] = finding.required;
  if (finding.by_tree) object["by_tree"] = true;
  put(object, "seen", finding.seen);
  put(object, "breaks", finding.breaks);
  put(object, "fix", finding.fix);
  put(object, "source", finding.source);
  put(object, "proof", finding.proof);
  put(object, "file", finding.file);
  if (finding.line) object["line"] = finding.line;
  if (!finding.notes.empty()) object["notes"] = finding.notes;
  put(object, "waiver", finding.waiver);
  return object;
}

Json to_object(const VersionVerdict& version) {
  Json object;
  object["version"] = version.version;
  object["verdict"] = verdict_name(version.verdict);
  object["judged"] = version.judged;
  object["reasons"] = version.reasons;
  return object;
}

Json to_object(const Subject& subject) {
  Json object;
  object["name"] = subject.name;
  object["verdict"] = verdict_name(subject.verdict);
  object["headline"] = subject.headline;
  object["facts"] = Json::object();
  for (const auto& [key, value] : subject.facts) object["facts"][key] = value;
  object["findings"] = Json::array();
  for (const auto& finding : subject.findings) object["findings"].push_back(to_object(finding));
  for (const auto& [name, words] : subject.commands) object["commands"][name] = words;
  if (!subject.cure.lines.empty())
    object["cure"] = {{"lines", subject.cure.lines}, {"command", subject.cure.command}};
  object["versions"] = Json::array();
  for (const auto& version : subject.versions) object["versions"].push_back(to_object(version));
  return object;
}

}  // namespace

std::string to_json(const Report& report, int exit_status) {
  Json document;
  document["schema"] = "criu-guest.kcheck/1";
  document["tool"] = "kcheck " CG_VERSION;
  document["command"] = report.command;
  put(document, "criu", report.version);
  document["exit_status"] = exit_status;
  document["subjects"] = Json::array();
  for (const auto& subject : report.subjects) document["subjects"].push_back(to_object(subject));
  // Bytes of a damaged file may end up in a message; they must not make the output invalid.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cg
