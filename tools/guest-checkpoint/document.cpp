#include "document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"

namespace cg::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

// Behind each other under a name, indented.
std::string block(std::string_view name, const std::string& text) {
  std::string result;
  for (const auto line : split_lines(text)) {
    result += fmt::format("  {:<9} {}\n", name, line);
    name = "";
  }
  return result;
}

}  // namespace

std::string to_json(const Document& document) {
  Json json{{"schema", "criu-guest.guest-checkpoint/1"},
            {"action", document.action},
            {"verdict", document.verdict},
            {"exit_status", document.exit_status},
            {"headline", document.headline}};
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) json[key] = text;
  };
  add("target", document.target);
  if (document.pid > 0) json["pid"] = document.pid;
  add("criu", document.criu);
  add("directory", document.directory);
  add("archive", document.archive);
  if (!document.steps.empty()) json["steps"] = document.steps;
  for (const auto& [name, words] : document.commands) json["commands"][name] = words;
  for (const auto& finding : document.findings)
    json["findings"].push_back({{"id", finding.id},
                                {"title", finding.title},
                                {"verdict", verdict_name(finding.verdict)},
                                {"seen", finding.seen},
                                {"breaks", finding.breaks},
                                {"fix", finding.fix}});
  if (!document.cause.empty()) {
    json["cause"] = document.cause;
    json["proven"] = document.proven;
  }
  add("evidence", document.evidence);
  add("remedy", document.remedy);
  for (const auto& [name, seconds] : document.seconds) json["seconds"][name] = seconds;
  for (const auto& [name, bytes] : document.bytes) json["bytes"][name] = bytes;
  if (!document.tasks.empty()) json["tasks"] = document.tasks;
  if (!document.notes.empty()) json["notes"] = document.notes;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const Document& document) {
  std::string text = document.headline + "\n";
  if (!document.directory.empty()) text += block("images", document.directory);
  if (!document.archive.empty()) text += block("archive", document.archive);
  for (const auto& finding : document.findings) {
    text += fmt::format("  {:<9} {}: {}\n", verdict_name(finding.verdict), finding.id, finding.title);
    if (!finding.seen.empty()) text += block("", finding.seen);
    if (!finding.fix.empty()) text += block("  fix", finding.fix);
  }
  if (!document.cause.empty()) text += block(document.proven ? "cause" : "possibly", document.cause);
  if (!document.evidence.empty()) text += block("seen", document.evidence);
  if (!document.remedy.empty()) text += block("remedy", document.remedy);
  for (const auto& step : document.steps) text += block("step", step);
  for (const auto& [name, words] : document.commands) text += block(name, shell_words(words));
  std::vector<std::string> figures;
  for (const auto& [name, seconds] : document.seconds)
    figures.push_back(fmt::format("{} {}", name, human_seconds(seconds)));
  for (const auto& [name, bytes] : document.bytes)
    figures.push_back(fmt::format("{} {}", name, human_size(bytes)));
  if (!figures.empty()) text += block("figures", join(figures, ", "));
  for (const auto& note : document.notes) text += block("note", note);
  return text;
}

int say(const Document& document, Context& context) {
  if (context.options.format == "json")
    context.env.out << to_json(document);
  else if (!context.options.quiet || document.exit_status != 0)
    context.env.out << to_text(document);
  return document.exit_status;
}

void explain(const Subject& explanation, Document& document) {
  if (explanation.findings.empty()) return;
  const Finding& first = explanation.findings.front();
  document.cause = first.title;
  document.proven = first.verdict == Verdict::fail && first.id != "unknown";
  document.evidence = first.seen;
  document.remedy = first.fix;
}

}  // namespace cg::checkpoint
