// What `kcheck restore` asks, of the very command that is about to be run here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "criu/version.h"
#include "report/report.h"

namespace cg::checkpoint {

// The findings that say no: criu would refuse, or the tasks would not be what they were. What could not be
// seen says nothing. `argv`: a criu and its words; `environment`: "CRIU_FAULT=130".
Result<std::vector<Finding>> what_stands_against(const Checkpoint& images, const Version& criu,
                                                 const std::vector<std::string>& argv,
                                                 const std::vector<std::string>& environment);

}  // namespace cg::checkpoint
