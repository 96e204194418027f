#include "table.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "criu/version.h"
#include "trial.h"

namespace cg::lab {
namespace {

using Json = nlohmann::json;

std::string letter(const Json& answer) {
  const std::string name = answer;
  if (name == "works") return "ok";
  if (name == "does not start") return "S";
  if (name == "dump refused") return "D";
  if (name == "hangs") return "H";
  return "R";
}

std::string cell(const Json& object, Summary& summary) {
  ++summary.pairs;
  if (object.contains("absent")) {
    ++summary.absent;
    return "-";
  }
  const bool agrees = object["agrees"];
  ++(agrees ? summary.agree : summary.differ);
  if (object.contains("broken")) return "!";
  std::string text = letter(object["happened"]);
  if (object.contains("with_proposal")) text += "→" + letter(object["with_proposal"]);
  return text + (agrees ? "" : "*");
}

}  // namespace

Result<std::string> lab_table(const std::filesystem::path& cases_file,
                              const std::vector<std::filesystem::path>& answers, Summary& summary) {
  CG_TRY(cases, load_cases(cases_file));
  // Who dumped, and who restored.
  using Criu = std::pair<Version, Version>;
  std::map<std::string, std::map<Criu, Json>> rows;
  std::set<Criu> versions;
  const auto name_of = [](const Criu& criu) {
    return criu.first == criu.second ? criu.first.text()
                                     : fmt::format("{} by {}", criu.first.text(), criu.second.text());
  };
  for (const auto& file : answers) {
    CG_TRY(text, read_file(file));
    for (const auto line : split_lines(text)) {
      Json object = Json::parse(line, nullptr, false);
      const auto version = object.is_object() ? parse_version(object.value("criu", "")) : std::nullopt;
      if (!version)
        return refused(fmt::format("{}: '{}' is no answer of the lab", file.string(), line.substr(0, 80)));
      const Criu criu{*version, parse_version(object.value("restored_by", "")).value_or(*version)};
      versions.insert(criu);
      const std::string id = object.value("case", "");
      rows[id][criu] = std::move(object);
    }
  }
  std::string head = "| case | what |";
  std::string rule = "|---|---|";
  for (const auto& version : versions) {
    head += fmt::format(" {} |", name_of(version));
    rule += "---|";
  }
  std::string table = head + " kcheck's reasons |\n" + rule + "---|\n";
  std::string differences;
  std::set<std::string> absent;
  for (const auto& one : cases) {
    const auto row = rows.find(one.id);
    if (row == rows.end()) continue;
    table += fmt::format("| `{}` | {} |", one.id, one.what);
    std::set<std::string> reasons;
    for (const auto& version : versions) {
      const auto object = row->second.find(version);
      if (object == row->second.end()) {
        table += "  |";
        continue;
      }
      table += fmt::format(" {} |", cell(object->second, summary));
      for (const auto& reason : split(object->second.value("reasons", ""), ','))
        if (!trim(reason).empty()) reasons.emplace(trim(reason));
      if (object->second.contains("absent"))
        absent.insert(fmt::format("{}: {}\n", one.id, object->second.value("absent", "")));
      else if (!object->second["agrees"])
        differences += fmt::format(
            "{} with CRIU {}: kcheck said \"{}\", then \"{}\"{}: {}{}\n", one.id, name_of(version),
            object->second.value("kcheck", ""), object->second.value("happened", ""),
            object->second.contains("with_proposal")
                ? ", and \"" + object->second.value("with_proposal", "") + "\" with " +
                      join(object->second["proposed"].get<std::vector<std::string>>(), " ")
                : std::string(),
            object->second.value("broken", ""), object->second.value("message", ""));
    }
    table += fmt::format(" {} |\n", join({reasons.begin(), reasons.end()}, ", "));
  }
  table += fmt::format("\n{} case x version pairs: {} agree, {} differ, {} not to be set up on this kernel\n",
                       summary.pairs, summary.agree, summary.differ, summary.absent);
  for (const auto& line : absent) table += line;
  return differences.empty() ? table : table + "\n" + differences;
}

}  // namespace cg::lab
