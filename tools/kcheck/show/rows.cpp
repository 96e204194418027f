#include "show/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/shown.h"
#include "base/text.h"
#include "base/toml/toml_node.h"
#include "criu/builtin_data.h"
#include "criu/log/knowledge.h"
#include "criu/requirements.h"
#include "criu/versions.h"
#include "restore/checks/checks.h"
#include "tasks/findings.h"

namespace cg {
namespace {

// The line of the row of a list in a compiled-in file.
unsigned line_of(const TomlNode& root, std::string_view list, std::string_view id,
                 std::string_view variant = {}) {
  const TomlNode* rows = root.find(list);
  if (!rows) return 0;
  const auto is = [](const TomlNode& row, std::string_view key, std::string_view value) {
    const TomlNode* node = row.find(key);
    return (node ? node->text : std::string_view()) == value;
  };
  for (const TomlNode& row : rows->children())
    if (is(row, "id", id) && is(row, "case", variant)) return row.line;
  return 0;
}

class Facts {
 public:
  void add(std::string key, std::string text) {
    if (!text.empty()) facts_.push_back({std::move(key), {std::move(text)}, false});
  }
  void add(std::string key, std::vector<std::string> lines) {
    if (!lines.empty()) facts_.push_back({std::move(key), std::move(lines), true});
  }
  std::vector<RowFact> take() { return std::move(facts_); }

 private:
  std::vector<RowFact> facts_;
};

std::vector<std::string> listed(const std::string& text) {
  return text.empty() ? std::vector<std::string>() : std::vector{text};
}

// The range as it is written, and those of the versions known here that are in it.
void add_versions(Facts& facts, const VersionRange& range) {
  if (range.everything()) return;
  facts.add("criu", range.text());
  std::vector<std::string> versions;
  for (const auto& version : criu_versions().all)
    if (range.contains(version)) versions.push_back(version.text());
  facts.add("versions", std::move(versions));
}

std::string proof_text(const std::string& proof) {
  if (proof.starts_with("lab:")) return fmt::format("{} (a case of docs/lab.md)", proof);
  if (proof == "report") return "a public report names the cause";
  return "read in the sources, nothing was run";
}

// What its severity is for whoever asks (recipes/criu-matrix.toml).
std::string severity_meaning(const MatrixRow& row) {
  switch (row.severity) {
    case Severity::startup:
      return "startup: no criu command works without";
    case Severity::dump:
      return "dump: an ordinary container is not dumped without";
    case Severity::restore:
      return "restore: an ordinary container is not restored without";
    case Severity::feature:
      return severity_text(row) + ": only tasks that use it need it";
    case Severity::harmful:
      return "harmful: it works, but not without harm";
    case Severity::better_off:
      return "better-off: it works without, and better with it";
  }
  return severity_text(row);
}

KnownRow row_of(const MatrixRow& row, const std::string& of, const std::string& file) {
  KnownRow known{"requirement", of, row.id, "", row.title, file, static_cast<unsigned>(row.line), {}};
  Facts facts;
  facts.add("severity", of == "CRIU" ? severity_meaning(row) : severity_text(row));
  if (row.by_tree) facts.add("by_tree", "only where the process tree has such a thing");
  if (row.window) facts.add("window", "a kernel in the range breaks these CRIU versions");
  facts.add("symbols", row.symbols.text());
  facts.add("probe", row.probe);
  if (of == "CRIU") add_versions(facts, row.criu);
  facts.add("kernel", row.kernel.everything() ? "" : row.kernel.text());
  facts.add("architectures", row.architectures);
  facts.add("breaks", row.breaks);
  facts.add("fix", listed(row.fix));
  facts.add("environment", row.environment);
  facts.add("source", listed(row.source));
  facts.add("proof", proof_text(row.proof));
  known.facts = facts.take();
  return known;
}

std::vector<std::string> texts_of(const std::vector<LogText>& texts) {
  std::vector<std::string> lines;
  for (const auto& text : texts) lines.push_back(text.text());
  return lines;
}

KnownRow row_of(const Cause& cause, const std::string& file, unsigned line) {
  KnownRow known{"cause", "", cause.id, "", cause.title, file, line, {}};
  if (known.title.empty())
    known.title = cause.role == Cause::Role::noise ? "an error that changes nothing"
                                                   : "says that something failed, not what";
  Facts facts;
  facts.add("role", std::string(role_name(cause.role)));
  facts.add("stage", cause.stage);
  facts.add("texts", texts_of(cause.texts));
  facts.add("sign", cause.sign);
  facts.add("places", cause.places);
  facts.add("errno", cause.errnos);
  facts.add("with", texts_of(cause.with));
  add_versions(facts, cause.criu);
  facts.add("kernel", cause.kernel.everything() ? "" : cause.kernel.text());
  facts.add("machine", cause.machine);
  facts.add("why", cause.why);
  std::vector<std::string> fixes;
  for (const auto& remedy : cause.fix)
    fixes.push_back(remedy.criu.everything() ? remedy.text
                                             : fmt::format("{} (CRIU {})", remedy.text, remedy.criu.text()));
  facts.add("fix", std::move(fixes));
  facts.add("not", cause.without);
  facts.add("source", cause.sources);
  facts.add("proof", proof_text(cause.proof));
  known.facts = facts.take();
  return known;
}

// The cause whose text CRIU prints about a finding: the first one, as a log would be answered.
std::string explained_by(const tree::FindingRow& row, const Knowledge& knowledge) {
  std::string line;  // with numbers in the holes, which stand for any text as well
  for (std::string_view rest = row.words.breaks; !rest.empty();) {
    const auto hole = rest.find('{');
    line += rest.substr(0, hole);
    if (hole == rest.npos) break;
    const auto end = rest.find('}', hole);
    line += "1";
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  for (const auto& cause : knowledge.causes)
    if (std::ranges::any_of(cause.texts, [&](const LogText& text) { return text.find_in(line).has_value(); }))
      return cause.id;
  return "";
}

KnownRow row_of(const tree::FindingRow& row, const char* kind, const std::string& file, unsigned line,
                const Knowledge& knowledge) {
  KnownRow known{kind, "", row.id, row.variant, row.words.title, file, line, {}};
  Facts facts;
  facts.add("severity", row.words.severity);
  facts.add("verdict", std::string(row.words.verdict == Verdict::warn ? "WARN" : "FAIL"));
  facts.add("texts", std::vector{row.words.breaks});
  facts.add("unlogged", row.unlogged);
  facts.add("fix", listed(row.words.fix));
  facts.add("dump_options", row.words.dump_options);
  facts.add("restore_options", row.words.restore_options);
  facts.add("explained_by", explained_by(row, knowledge));
  facts.add("source", listed(row.words.source));
  known.facts = facts.take();
  return known;
}

constexpr std::size_t most_hints = 5;

// A report has something in the place of the hole of "tree.nested-{kind}-namespace".
bool has_id(const KnownRow& row, std::string_view id) {
  const auto hole = row.id.find('{');
  if (hole == std::string::npos || id == row.id) return row.id == id;
  const std::string_view begin = std::string_view(row.id).substr(0, hole);
  const std::string_view end = std::string_view(row.id).substr(row.id.find('}', hole) + 1);
  return id.size() > begin.size() + end.size() && id.starts_with(begin) && id.ends_with(end);
}

}  // namespace

Result<std::vector<KnownRow>> known_rows(const KcheckOptions& options, const std::string& knowledge_file) {
  std::vector<KnownRow> rows;
  CG_TRY(matrix, load_matrix(options));
  const std::string matrix_file = options.matrix.empty() ? "recipes/criu-matrix.toml" : options.matrix;
  for (const auto& row : matrix.rows) rows.push_back(row_of(row, "CRIU", matrix_file));
  for (const auto& program : requirement_names()) {
    CG_TRY(requirements, requirements_of(program));
    for (const auto& row : requirements.rows)
      rows.push_back(row_of(row, program, fmt::format("recipes/requirements/{}.toml", program)));
  }
  CG_TRY(knowledge, load_knowledge(knowledge_file));
  for (const auto& cause : knowledge.causes)
    rows.push_back(row_of(cause, knowledge_file.empty() ? "recipes/criu-log.toml" : knowledge_file,
                          knowledge_file.empty() ? line_of(*data::criu_log, "cause", cause.id) : 0));
  for (const auto& row : tree::finding_rows())
    rows.push_back(row_of(row, "tree", "recipes/criu-tree.toml",
                          line_of(*data::criu_tree, "finding", row.id, row.variant), knowledge));
  for (const auto& row : restore::restore_table().rows())
    rows.push_back(row_of(row, "restore", "recipes/criu-restore.toml",
                          line_of(*data::criu_restore, "finding", row.id, row.variant), knowledge));
  return rows;
}

Result<std::vector<KnownRow>> rows_with_id(std::vector<KnownRow> rows, std::string_view id) {
  std::vector<std::string> ids;
  std::vector<std::string> within;  // whose name has the word in it
  for (const auto& row : rows) {
    if (std::ranges::find(ids, row.id) != ids.end()) continue;
    ids.push_back(row.id);
    if (row.id.contains(id)) within.push_back(row.id);
  }
  std::erase_if(rows, [&](const KnownRow& row) { return !has_id(row, id); });
  if (!rows.empty()) return rows;
  std::string hint = did_you_mean(id, ids);
  if (!within.empty() && within.size() <= most_hints) hint = "; did you mean " + join(within, ", ") + "?";
  return usage_error(
      fmt::format("no row has the id '{}'{}", brief(id), hint.empty() ? "; `kcheck show` lists them" : hint));
}

std::vector<Named> known_row_ids(const Environment&) {
  std::vector<Named> ids;
  std::set<std::string> seen;
  const auto rows = known_rows({}, "");
  if (!rows) return ids;
  for (const auto& row : *rows)
    if (!row.id.contains('{') && seen.insert(row.id).second) ids.push_back({row.id, row.title});
  return ids;
}

std::string kind_text(const KnownRow& row) {
  return row.kind == "requirement" ? "requirement of " + row.of
         : row.kind == "cause"     ? "cause of an error"
         : row.kind == "tree"      ? "finding of kcheck tree"
                                   : "finding of kcheck restore";
}

}  // namespace cg
