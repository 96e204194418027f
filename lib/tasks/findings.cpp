#include "tasks/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/toml/toml.h"
#include "criu/builtin_data.h"
#include "tasks/finding_table.h"

namespace cg::tree {
namespace {

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
  const bool of_restore = row.id.starts_with("restore.");
  row.words.severity = reader.string("severity", of_restore ? "restore" : "dump");
  row.words.dump_options = reader.strings("dump");
  row.words.restore_options = reader.strings("restore");
  const std::string verdict = reader.string("verdict", "fail");
  row.words.verdict = verdict == "warn" ? Verdict::warn : Verdict::fail;
  if (!of_restore && !row.id.starts_with("tree.")) reader.fail("id", "begins with 'tree.' or 'restore.'");
  if (verdict != "warn" && verdict != "fail") reader.fail("verdict", "neither warn nor fail");
  if (row.words.severity != "dump" && row.words.severity != "restore")
    reader.fail("severity", "neither dump nor restore");
  CG_CHECK(reader.error());
  return row;
}

const FindingTable& table() {
  static const FindingTable table(*data::criu_tree, "criu-tree.toml");
  return table;
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
  return table().rows();
}

TreeFinding& Findings::add(RowName name, std::string seen, Holes holes) {
  return emplace_back(table().make(name, std::move(seen), holes));
}

}  // namespace cg::tree
