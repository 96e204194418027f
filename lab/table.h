// The lab's table: a row a case, a column a CRIU version, both answers in each cell.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::lab {

struct Summary {
  std::size_t pairs = 0;  // case x version
  std::size_t agree = 0;
  std::size_t differ = 0;  // also those that could not be set up though the kernel has what they need
  std::size_t absent = 0;  // this kernel lacks what the task is to hold
};

// Markdown. `answers` are files with an object a line, as run_case() prints them; rows come in the order of
// `cases`.
Result<std::string> lab_table(const std::filesystem::path& cases,
                              const std::vector<std::filesystem::path>& answers, Summary& summary);

}  // namespace cg::lab
