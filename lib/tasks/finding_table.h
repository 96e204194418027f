// A file of findings in words with holes: recipes/criu-tree.toml, recipes/criu-restore.toml. Which of them
// there are is decided by checks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tasks/findings.h"

namespace cg::tree {

class FindingTable {
 public:
  // Of a file that is compiled in. Throws where that is no such list; a test reads the same data.
  FindingTable(const TomlNode& root, std::string file);
  const std::vector<FindingRow>& rows() const { return rows_; }
  // The words of a row, with its holes filled. `name` is without the beginning of the ids ("tree.").
  TreeFinding make(RowName name, std::string seen, Holes holes) const;

 private:
  std::string file_;
  std::vector<FindingRow> rows_;
};

// How findings of one kind become one, that names the first few of what it is about.
enum class Fate { as_it_is, cleared };
enum class Side { dump, restore };  // whose options clear them
void add_grouped(std::vector<Finding>& to, const std::vector<TreeFinding>& found, Fate fate, Side side);
// What no check asks, so that READY is not taken for more than it is.
Finding not_asked(std::string id, std::string title, std::string what);

}  // namespace cg::tree
