// The report for a person: one screen, the verdict first, then what is wrong with its remedy.
#pragma once

#include <string>

#include "report/report.h"

namespace cg {

struct TextOptions {
  bool all_rows = false;  // also PASS and N/A
  bool color = false;
};

std::string to_text(const Report& report, const TextOptions& options);

}  // namespace cg
