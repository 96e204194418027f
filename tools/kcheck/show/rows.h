// What kcheck knows, row by row, in one form: requirements of CRIU, causes of its errors, findings of
// `kcheck tree` and `kcheck restore`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cli/command.h"
#include "options.h"

namespace cg {

// What is said of a row: one text, or a list of them.
struct RowFact {
  std::string key;  // in JSON: "fix"
  std::vector<std::string> lines;
  bool is_list = false;
};

struct KnownRow {
  std::string kind;     // requirement, cause, tree, restore
  std::string of;       // whose requirement it is: CRIU, podman, …; empty of the others
  std::string id;       // "kernel.membarrier"; rows of different kinds may share it
  std::string variant;  // one of several wordings of it
  std::string title;
  std::string file;  // where the row is, with its line: "recipes/criu-matrix.toml"
  unsigned line = 0;
  std::vector<RowFact> facts;  // only those that there are
};

// All of them, requirements first. --matrix and, where it is given, `knowledge` stand in place of what is
// compiled in.
Result<std::vector<KnownRow>> known_rows(const KcheckOptions& options, const std::string& knowledge);
// Those with the id, of whatever kind. A usage error that names the nearest ids where there are none.
Result<std::vector<KnownRow>> rows_with_id(std::vector<KnownRow> rows, std::string_view id);
// The ids compiled in with their titles, each once: for completions.
std::vector<Named> known_row_ids(const Environment& env);

// "cause of an error"
std::string kind_text(const KnownRow& row);

}  // namespace cg
