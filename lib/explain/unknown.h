// What helps where no cause is known: what was being done then, what to look at, whom to ask.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "criu/log/diagnosis.h"
#include "report/report.h"

namespace cg {

// An error that no row of the knowledge has.
Finding unknown_error(const Knowledge& knowledge, const CriuLog& log, const LogLine& line,
                      const std::optional<Version>& version);
// "Dumping FAILED" and nothing else.
Finding only_the_end(const CriuLog& log);
// What was being done when the error was told: the task, and what criu had said last.
std::vector<std::string> setting_of(const LogLine& line);
// Where to look next, for this error of this log.
std::vector<std::string> next_steps(const CriuLog& log, const LogLine& line,
                                    const std::optional<Version>& version);

}  // namespace cg
