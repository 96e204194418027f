// The report as JSON, schema "criu-guest.kcheck/1" (docs/kcheck.schema.json).
#pragma once

#include <string>

#include "report/report.h"

namespace cg {

std::string to_json(const Report& report, int exit_status);  // pretty-printed, with a final newline

}  // namespace cg
