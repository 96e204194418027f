// The words of what `kcheck tree` finds: recipes/criu-tree.toml, whose holes a check fills.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "report/report.h"

namespace cg {
struct TomlNode;
}

namespace cg::tree {

// A finding with `seen` the task, descriptor, mount, socket … it is about, and `breaks` what CRIU would
// write.
struct TreeFinding : Finding {
  std::vector<std::string> dump_options;  // that clear it; empty: no option does
  std::vector<std::string> restore_options;
};

// A row of the data: a finding with holes {name}.
struct FindingRow {
  std::string id;
  std::string variant;  // "case" in the file; empty: the only wording, or the first
  TreeFinding words;
  std::string unlogged;
};
// Refused with "file:line:column: what" for what is no such list.
Result<std::vector<FindingRow>> read_finding_rows(const TomlNode& root, const std::string& name);
// The rows compiled in.
const std::vector<FindingRow>& finding_rows();

struct RowName {
  std::string_view id;  // without "tree."
  std::string_view variant = {};
};
using Holes = std::initializer_list<std::pair<std::string_view, std::string>>;

class Findings : public std::vector<TreeFinding> {
 public:
  // Adds the words of a row. What it returns is good until the next one is added.
  TreeFinding& add(RowName row, std::string seen, Holes holes = {});
};

}  // namespace cg::tree
