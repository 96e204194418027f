#include "tasks/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.h"
#include "base/toml/toml.h"
#include "criu/builtin_data.h"

namespace cg::tree {
namespace {

std::string filled(std::string text, Holes holes) {
  for (const auto& [name, value] : holes) {
    const std::string hole = "{" + std::string(name) + "}";
    for (std::size_t at = text.find(hole); at != text.npos; at = text.find(hole, at + value.size()))
      text.replace(at, hole.size(), value);
  }
  return text;
}

Result<FindingRow> read_row(const TomlNode& table, const std::string& name) {
  TomlReader reader(table, name);
  reader.only({"id", "case", "title", "prints", "unlogged", "fix", "source", "severity", "verdict", "dump",
               "restore"});
  FindingRow row{
      .id = reader.required_string("id"), .variant = reader.string("case"), .words = {}, .unlogged = {}};
  row.unlogged = reader.string("unlogged");
  row.words.id = row.id;
  row.words.title = reader.required_string("title");
  row.words.breaks = reader.required_string("prints");
  row.words.fix = reader.string("fix");
  row.words.source = reader.required_string("source");
  row.words.severity = reader.string("severity", "dump");
  row.words.dump_options = reader.strings("dump");
  row.words.restore_options = reader.strings("restore");
  const std::string verdict = reader.string("verdict", "fail");
  row.words.verdict = verdict == "warn" ? Verdict::warn : Verdict::fail;
  if (!row.id.starts_with("tree.")) reader.fail("id", "begins with 'tree.'");
  if (verdict != "warn" && verdict != "fail") reader.fail("verdict", "neither warn nor fail");
  if (row.words.severity != "dump" && row.words.severity != "restore")
    reader.fail("severity", "neither dump nor restore");
  CG_CHECK(reader.error());
  return row;
}

}  // namespace

Result<std::vector<FindingRow>> read_finding_rows(const TomlNode& root, const std::string& name) {
  TomlReader reader(root, name);
  reader.only({"finding"});
  std::vector<FindingRow> rows;
  for (const TomlNode* table : reader.tables("finding")) {
    CG_TRY(row, read_row(*table, name));
    if (std::ranges::any_of(rows, [&](const FindingRow& other) {
          return other.id == row.id && other.variant == row.variant;
        }))
      return refused(fmt::format("{}: '{}' is there twice", position(*table, name), row.id));
    rows.push_back(std::move(row));
  }
  CG_CHECK(reader.error());
  return rows;
}

const std::vector<FindingRow>& finding_rows() {
  static const std::vector<FindingRow> rows = [] {
    auto read = read_finding_rows(*data::criu_tree, "criu-tree.toml");
    if (!read) throw std::logic_error(read.error().message);  // a test reads the same data
    return std::move(*read);
  }();
  return rows;
}

TreeFinding& Findings::add(RowName name, std::string seen, Holes holes) {
  const auto row = std::ranges::find_if(finding_rows(), [&](const FindingRow& one) {
    return std::string_view(one.id).substr(5) == name.id && one.variant == name.variant;
  });
  if (row == finding_rows().end())  // a test holds the names in the checks against the rows
    throw std::logic_error(fmt::format("criu-tree.toml has no 'tree.{}' of '{}'", name.id, name.variant));
  TreeFinding& finding = emplace_back(row->words);
  finding.seen = std::move(seen);
  for (std::string* text : {&finding.id, &finding.title, &finding.breaks, &finding.fix})
    *text = filled(std::move(*text), holes);
  for (auto* options : {&finding.dump_options, &finding.restore_options})
    for (auto& word : *options) word = filled(std::move(word), holes);
  return finding;
}

}  // namespace cg::tree
