#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "criu/version.h"

namespace cg::proof {
namespace {

using Json = nlohmann::ordered_json;

Row row_of(const Json& answer) {
  return parse_row(answer.value("row", "")).value_or(Row());
}

// The finding's name alone: "tree.sysv-shared-memory".
std::string names_of(const Json& answer) {
  std::set<std::string> names;
  for (const Json& finding : answer.value("findings", Json::array())) {
    const auto text = finding.get<std::string>();
    names.insert(fmt::format("`{}`", text.substr(0, text.find(':'))));
  }
  return join({names.begin(), names.end()}, ", ");
}

std::string outcome(const Json& answer) {
  const auto result = answer.value("result", "");
  if (result == "restored") return "restored";
  if (result == "refused") return names_of(answer);
  return fmt::format("**{}**", result + " fails");
}

std::string seconds(const Json& answer, const char* key) {
  const Json all = answer.value("seconds", Json::object());
  return all.contains(key) ? fmt::format("{:.2f}", all.value(key, 0.0)) : "";
}

std::string bytes(const Json& answer, const char* key) {
  const Json all = answer.value("bytes", Json::object());
  return all.contains(key) ? human_size(all.value(key, std::uint64_t{0})) : "";
}

std::string number(std::size_t of, const char* what) {
  return fmt::format("{} {}{}", of, what, of == 1 ? "" : "s");
}

// In the order of the workloads' file, then of places, kernels and versions.
Answers sorted(const std::vector<Workload>& workloads, Answers answers) {
  const auto key = [&](const Json& answer) {
    const Row row = row_of(answer);
    const auto places = known_places();
    return std::tuple(std::ranges::find(workloads, row.workload, &Workload::id) - workloads.begin(),
                      std::ranges::find(places, row.place) - places.begin(), parse_version(row.kernel),
                      parse_version(row.criu));
  };
  std::ranges::sort(answers, {}, key);
  return answers;
}

}  // namespace

Result<Answers> load_answers(const std::vector<std::string>& files) {
  std::map<std::string, Json> last;  // of a row
  for (const auto& file : files) {
    CG_TRY(text, read_file(file));
    for (const auto line : split_lines(text)) {
      Json answer = Json::parse(line, nullptr, false);
      if (!answer.is_object() || !answer.contains("result") || !parse_row(answer.value("row", "")))
        return refused(fmt::format("{}: '{}' is no answer of `proof-guest run`", file, line.substr(0, 80)));
      const auto name = answer.value("row", "");
      last.insert_or_assign(name, std::move(answer));
    }
  }
  Answers answers;
  for (auto& [name, answer] : last) answers.push_back(std::move(answer));
  return answers;
}

std::string long_table(const std::vector<Workload>& workloads, const Answers& answers) {
  std::string table =
      "| program | as | kernel | CRIU | kcheck before | dump s | frozen s | restore s | images | .tar.zst | "
      "result |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n";
  std::map<std::string, std::size_t> count;
  std::string failures;
  for (const auto& answer : sorted(workloads, answers)) {
    const Row row = row_of(answer);
    const auto result = answer.value("result", "");
    ++count[result == "restored" || result == "refused" ? result : "failed"];
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", row.workload,
                         row.place, answer.value("kernel", row.kernel), row.criu, answer.value("kcheck", ""),
                         seconds(answer, "dump"), seconds(answer, "frozen"), seconds(answer, "restore"),
                         bytes(answer, "images"), bytes(answer, "archive"), outcome(answer));
    if (result != "restored") {
      auto why = result == "refused" && answer.contains("criu_says")
                     ? "criu, told all the same, says " + answer.value("criu_says", "")
                     : answer.value("why", "");
      std::ranges::replace(why, '\n', ' ');
      failures += fmt::format("- {}: {}\n", row.name(), why);
    }
  }
  table += fmt::format("\n{}: {} restored, {} refused by kcheck beforehand, {} failed.\n",
                       number(answers.size(), "row"), count["restored"], count["refused"], count["failed"]);
  return failures.empty() ? table : table + "\n" + failures;
}

std::string short_table(const std::vector<Workload>& workloads, const Answers& answers) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::vector<std::string>>> cells;
  std::set<std::string> kernels;
  std::set<Version> versions;
  for (const auto& answer : sorted(workloads, answers)) {
    const Row row = row_of(answer);
    kernels.insert(row.kernel);
    if (const auto version = parse_version(row.criu)) versions.insert(*version);
  }
  for (const auto& answer : sorted(workloads, answers)) {
    const Row row = row_of(answer);
    cells[{row.workload, row.place}][outcome(answer)].push_back(
        kernels.size() > 1 ? fmt::format("{} on {}", row.criu, row.kernel) : row.criu);
  }
  if (answers.empty()) return "No row has an answer yet.\n";
  std::vector<std::string> named;
  for (const auto& version : versions) named.push_back(version.text());
  std::string table = fmt::format("With CRIU {} on Linux {}:\n\n", join(named, ", "),
                                  join({kernels.begin(), kernels.end()}, ", "));
  table +=
      "| program | process tree | with an IPC namespace | runc | crun | systemd unit "
      "|\n|---|---|---|---|---|---|\n";
  for (const auto& workload : workloads) {
    std::string line = fmt::format("| {} |", workload.what);
    bool any = false;
    for (const auto& place : known_places()) {
      const auto cell = cells.find({workload.id, place});
      std::vector<std::string> parts;
      if (cell != cells.end())
        for (const auto& [text, which] : cell->second)
          parts.push_back(cell->second.size() == 1 ? text : fmt::format("{}: {}", join(which, ", "), text));
      any = any || !parts.empty();
      line += fmt::format(" {} |", join(parts, "; "));
    }
    if (any) table += line + "\n";
  }
  return table;
}

}  // namespace cg::proof
