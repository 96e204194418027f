#include "guest_checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/process.h"
#include "base/text.h"

namespace cg::demo {

using Json = nlohmann::ordered_json;

Result<Json> ask_guest_checkpoint(std::vector<std::string> words) {
  words.insert(words.end(), {"--format", "json"});
  CG_TRY(answer, run(words));
  Json document = Json::parse(answer.out, nullptr, false);
  if (document.is_object() && document.contains("verdict")) return document;
  const Json error = Json::parse(answer.err, nullptr, false);
  const std::string said = error.is_object() ? error.value("message", answer.err) : answer.err;
  return refused(fmt::format("{} {}: status {}: {}", words.front(), words.size() > 1 ? words[1] : "",
                             answer.status, trim(said)));
}

std::string why_not(const Json& document, const std::string& verdict) {
  if (document.value("verdict", "") == verdict) return "";
  std::string text = document.value("headline", "");
  for (const Json& finding : document.value("findings", Json::array()))
    text += fmt::format("\n  {}: {}: {}; {}", finding.value("id", ""), finding.value("title", ""),
                        finding.value("seen", ""), finding.value("breaks", ""));
  for (const char* key : {"cause", "evidence", "remedy"})
    if (document.contains(key)) text += fmt::format("\n  {}: {}", key, document.value(key, ""));
  for (const Json& note : document.value("notes", Json::array())) text += "\n  " + note.get<std::string>();
  return text;
}

}  // namespace cg::demo
