#include "criu/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "base/toml/toml.h"
#include "criu/builtin_data.h"

namespace cg {

const std::vector<std::string>& known_architectures() {
  static const std::vector<std::string> names = {
      "x86_64", "arm64",    "s390x",  "ppc64le", "riscv64", "loongarch64", "mips64", "arm",
      "i386",   "ppc64",    "ppc",    "sparc64", "sparc",   "um",          "alpha",  "arc",
      "csky",   "hexagon",  "ia64",   "arm64be", "m68k",    "loongarch32", "mips",   "microblaze",
      "nios2",  "openrisc", "parisc", "riscv32", "sh",      "xtensa"};
  return names;
}

namespace {

void read_severity(TomlReader& reader, MatrixRow& row) {
  static const std::map<std::string, Severity> names = {{"startup", Severity::startup},
                                                        {"dump", Severity::dump},
                                                        {"restore", Severity::restore},
                                                        {"harmful", Severity::harmful},
                                                        {"better-off", Severity::better_off}};
  const std::string text = reader.required_string("severity");
  if (text.starts_with("feature:") && text.size() > 8) {
    row.severity = Severity::feature;
    row.feature = text.substr(8);
  } else if (const auto found = names.find(text); found != names.end()) {
    row.severity = found->second;
  } else {
    std::vector<std::string> words = {"feature:NAME"};
    for (const auto& [name, severity] : names) words.push_back(name);
    reader.fail("severity",
                fmt::format("'{}' is none of {}{}", text, join(words, ", "), did_you_mean(text, words)));
  }
}

// "X @>=6.17"
SymbolNeed read_need(TomlReader& reader, std::string_view key, const std::string& text) {
  const auto mark = text.find(" @");
  SymbolNeed need{text.substr(0, mark), {}};
  if (mark == std::string::npos) return need;
  const auto range = VersionRange::parse(text.substr(mark + 2));
  if (!range) reader.fail(key, range.error().message);
  need.kernel = range.value_or(VersionRange());
  return need;
}

template <class T>
T read_parsed(TomlReader& reader, std::string_view key, Result<T> parsed) {
  if (parsed) return std::move(*parsed);
  reader.fail(key, parsed.error().message);
  return T{};
}

Result<MatrixRow> read_row(const TomlNode& table, const std::string& file) {
  TomlReader reader(table, file);
  reader.only({"id", "title", "symbols", "probe", "criu", "kernel", "architectures", "severity", "by-tree",
               "window", "breaks", "fix", "environment", "source", "proof"});
  MatrixRow row;
  row.line = static_cast<int>(table.line);
  row.id = reader.required_string("id");
  row.title = reader.required_string("title");
  row.symbols = read_parsed(reader, "symbols", Expression::parse(reader.string("symbols")));
  row.probe = reader.string("probe");
  row.criu = read_parsed(reader, "criu", VersionRange::parse(reader.string("criu", "*")));
  row.kernel = read_parsed(reader, "kernel", VersionRange::parse(reader.string("kernel", "*")));
  row.architectures = reader.strings("architectures");
  read_severity(reader, row);
  row.by_tree = reader.boolean("by-tree", false);
  row.window = reader.boolean("window", false);
  row.breaks = reader.required_string("breaks");
  row.fix = reader.string("fix");
  row.environment = reader.string("environment");
  row.source = reader.required_string("source");
  row.proof = reader.required_string("proof");

  for (const auto& name : row.architectures)
    if (std::ranges::find(known_architectures(), name) == known_architectures().end())
      reader.fail("architectures", fmt::format("'{}' is not a known architecture{}", name,
                                               did_you_mean(name, known_architectures())));
  if (row.proof != "read" && row.proof != "report" &&
      !(row.proof.starts_with("lab:") && row.proof.size() > 4))
    reader.fail("proof", "none of \"read\", \"report\" and \"lab:CASE\"");
  if (row.proof == "report" && !row.source.starts_with("https://"))
    reader.fail("source", "a report needs its address");
  if (row.no_port() && row.architectures.empty())
    reader.fail("id", "a row needs symbols, a probe, a window or the architectures that it is about");
  if (row.symbols.empty() && row.fix.empty())
    reader.fail("fix", "missing; without symbols nothing else says what to do");
  if (row.window && row.kernel.everything()) reader.fail("window", "a window needs a kernel range");
  CG_CHECK(reader.error());
  return row;
}

}  // namespace

std::string severity_text(const MatrixRow& row) {
  switch (row.severity) {
    case Severity::startup:
      return "startup";
    case Severity::dump:
      return "dump";
    case Severity::restore:
      return "restore";
    case Severity::feature:
      return "feature:" + row.feature;
    case Severity::harmful:
      return "harmful";
    case Severity::better_off:
      return "better-off";
  }
  return "";
}

std::vector<std::string> Matrix::features() const {
  std::set<std::string> names;
  for (const auto& row : rows)
    if (!row.feature.empty()) names.insert(row.feature);
  return {names.begin(), names.end()};
}

Result<Matrix> read_matrix(const TomlNode& root, const std::string& name) {
  TomlReader reader(root, name);
  reader.only({"title", "row", "needs", "modules", "kernels", "newest-kernel"});
  const auto tables = reader.tables("row");
  if (tables.empty()) reader.fail("row", "missing; the matrix is a list of [[row]] tables");
  CG_CHECK(reader.error());

  Matrix matrix;
  matrix.title = reader.string("title");
  if (const std::string newest = reader.string("newest-kernel"); !newest.empty()) {
    matrix.newest_kernel = parse_version(newest);
    if (!matrix.newest_kernel) reader.fail("newest-kernel", fmt::format("'{}' is no version", newest));
    CG_CHECK(reader.error());
  }
  if (const TomlNode* needs = reader.table("needs")) {
    TomlReader symbols(*needs, name);
    for (const TomlNode& symbol : needs->children())
      for (const auto& text : symbols.strings(symbol.key))
        matrix.needs[std::string(symbol.key)].push_back(read_need(symbols, symbol.key, text));
    CG_CHECK(symbols.error());
  }
  if (const TomlNode* kernels = reader.table("kernels")) {
    TomlReader symbols(*kernels, name);
    for (const TomlNode& symbol : kernels->children())
      matrix.kernels[std::string(symbol.key)] =
          read_parsed(symbols, symbol.key, VersionRange::parse(symbols.string(symbol.key)));
    CG_CHECK(symbols.error());
  }
  if (const TomlNode* modules = reader.table("modules")) {
    TomlReader names(*modules, name);
    for (const TomlNode& symbol : modules->children())
      matrix.modules[std::string(symbol.key)] = names.string(symbol.key);
    CG_CHECK(names.error());
  }
  matrix.rows.reserve(tables.size());
  std::map<std::string, int> lines;
  for (const TomlNode* table : tables) {
    CG_TRY(row, read_row(*table, name));
    if (const auto [first, fresh] = lines.emplace(row.id, row.line); !fresh)
      return refused(fmt::format("{}:{}: the id '{}' is already taken by line {}", name, row.line, row.id,
                                 first->second));
    matrix.rows.push_back(std::move(row));
  }
  return matrix;
}

Result<Matrix> parse_matrix(std::string_view text, const std::string& name) {
  CG_TRY(document, parse_toml(text, name));
  return read_matrix(document.root(), name);
}

Result<Matrix> builtin_matrix() {
  return read_matrix(*data::criu_matrix, "criu-matrix.toml");
}

}  // namespace cg
