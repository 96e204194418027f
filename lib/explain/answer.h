// The answer of `kcheck explain` as a subject of a report: verdict, the one cause, the one thing to do, then
// the rest.
#pragma once

#include <optional>

#include "criu/log/diagnosis.h"
#include "explain/signs.h"
#include "report/report.h"

namespace cg {

// `version`: of the CRIU that wrote the log, where it is known.
Result<Subject> answer(const Scene& scene, const Knowledge& knowledge, const std::optional<Version>& version);

}  // namespace cg
