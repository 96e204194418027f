#include "show/show_command.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/cli/cli.h"
#include "base/shown.h"
#include "base/text.h"
#include "show/rows.h"

namespace cg {
namespace {

// How a fact is called where a person reads it.
std::string label_of(const std::string& key) {
  static const std::map<std::string, std::string, std::less<>> labels = {{"by_tree", "asked"},
                                                                         {"window", "asked"},
                                                                         {"criu", "CRIU"},
                                                                         {"kernel", "Linux"},
                                                                         {"architectures", "machines"},
                                                                         {"texts", "CRIU says"},
                                                                         {"dump_options", "dump with"},
                                                                         {"restore_options", "restore with"},
                                                                         {"explained_by", "see"},
                                                                         {"not", "mind"},
                                                                         {"versions", "of those here"},
                                                                         {"unlogged", "in no log"},
                                                                         {"environment", "variable"},
                                                                         {"with", "beside it"},
                                                                         {"places", "said in"}};
  const auto found = labels.find(key);
  return found == labels.end() ? key : found->second;
}

// Short names, one behind the other.
bool on_one_line(const RowFact& fact) {
  return fact.key == "versions" || fact.key == "architectures" || fact.key.ends_with("_options") ||
         fact.key == "errno" || fact.key == "places";
}

std::string text_of(const KnownRow& row) {
  std::string text = fmt::format("{}{}  {}\n  {}\n", shown(row.id),
                                 row.variant.empty() ? "" : fmt::format(" ({})", shown(row.variant)),
                                 kind_text(row), shown(row.title));
  const auto line = [&](std::string_view label, std::string_view words) {
    text += fmt::format("  {:<13} {}\n", label, shown(words));
  };
  for (const auto& fact : row.facts) {
    std::string label = label_of(fact.key);
    if (on_one_line(fact)) {
      line(label, join(fact.lines, fact.key.ends_with("_options") ? " " : ", "));
      continue;
    }
    for (const auto& words : fact.lines) {
      line(label, words);
      label.clear();
    }
  }
  line("row", row.line ? fmt::format("{}:{}", row.file, row.line) : row.file);
  return text;
}

std::string markdown_of(const KnownRow& row) {
  std::string text =
      fmt::format("## {}{}\n\n{}: {}\n\n", row.id,
                  row.variant.empty() ? "" : fmt::format(" ({})", row.variant), kind_text(row), row.title);
  const auto code = [](const RowFact& fact, const std::string& words) {
    const bool is_code = fact.key == "texts" || fact.key == "with" || fact.key == "symbols" ||
                         fact.key == "probe" || fact.key.ends_with("_options");
    return is_code && !words.contains('`') ? "`" + words + "`" : words;
  };
  for (const auto& fact : row.facts) {
    std::vector<std::string> lines;
    for (const auto& words : fact.lines) lines.push_back(code(fact, words));
    text += lines.size() == 1 || on_one_line(fact)
                ? fmt::format("- {}: {}\n", label_of(fact.key), join(lines, ", "))
                : fmt::format("- {}:\n  - {}\n", label_of(fact.key), join(lines, "\n  - "));
  }
  return text + fmt::format("- row: {}{}\n", row.file, row.line ? fmt::format(":{}", row.line) : "");
}

std::string text_of(const std::vector<KnownRow>& rows) {
  std::string text;
  for (const auto& row : rows) text += (text.empty() ? "" : "\n") + text_of(row);
  return text;
}

std::string markdown_of(const std::vector<KnownRow>& rows) {
  std::string text;
  for (const auto& row : rows) text += (text.empty() ? "" : "\n") + markdown_of(row);
  return text;
}

std::string json_of(const std::vector<KnownRow>& rows) {
  nlohmann::ordered_json document = {{"schema", "criu-guest.kcheck-show/1"}};
  document["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json json = {{"kind", row.kind}, {"id", row.id}};
    if (!row.of.empty()) json["of"] = row.of;
    if (!row.variant.empty()) json["case"] = row.variant;
    json["title"] = row.title;
    for (const auto& fact : row.facts) {
      if (fact.is_list)
        json[fact.key] = fact.lines;
      else
        json[fact.key] = fact.lines.front();
    }
    json["file"] = row.file;
    if (row.line) json["line"] = row.line;
    document["rows"].push_back(std::move(json));
  }
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// One line each; a row of several wordings once.
std::string list_of(const std::vector<KnownRow>& rows) {
  std::string text;
  const KnownRow* last = nullptr;
  for (const auto& row : rows) {
    if (!last || last->id != row.id || last->kind != row.kind)
      text += fmt::format("{:<34} {:<11} {}\n", shown(row.id), row.kind, shown(row.title));
    last = &row;
  }
  return text;
}

}  // namespace

Command show_command(const KcheckOptions& options) {
  const auto id = std::make_shared<std::string>();
  return {.name = "show",
          .help = "Print the page of a requirement, a cause or a finding, or list them all",
          .options = {{"ROW",
                       id.get(),
                       "Its id, as reports have it; without one the list of all",
                       {.known = known_row_ids}}},
          .examples = {{"kcheck show kernel.membarrier",
                        "what asks for it, what breaks without, the fix, the source and the proof"},
                       {"kcheck show --format json", "all rows, for scripts"}},
          .run = [id, &options](Context& context) { return show(options, *id, "", context.env); }};
}

Result<int> show(const KcheckOptions& options, const std::string& id, const std::string& knowledge,
                 Environment& env) {
  const std::string& format = options.common.format;
  if (format != "text" && format != "json" && format != "markdown")
    return usage_error("a page of what is known is written as text, json or markdown");
  CG_TRY(rows, known_rows(options, knowledge));
  if (!id.empty()) {
    CG_TRY(with_id, rows_with_id(std::move(rows), id));
    rows = std::move(with_id);
  }
  const std::string text = format == "json"       ? json_of(rows)
                           : format == "markdown" ? markdown_of(rows)
                           : id.empty()           ? list_of(rows)
                                                  : text_of(rows);
  CG_CHECK(write_output(text, options.common.output, env));
  return exit_good;
}

}  // namespace cg
