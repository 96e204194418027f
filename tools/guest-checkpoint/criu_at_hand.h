// The criu that is to be used: --criu, else the one on PATH; and what it says it is.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "criu/version.h"
#include "guard/guarded_criu.h"
#include "report/report.h"

namespace cg::checkpoint {

struct CriuAtHand {
  std::string path;
  Version version;
};
Result<CriuAtHand> find_criu(const std::string& given);

// Why it failed: from its log, the images and what it was seen in.
Result<Subject> explain_failure(const GuardedEnd& end, const std::filesystem::path& directory,
                                const std::string& log, const Version& version);

std::map<std::string, std::string> variables_of(const std::vector<std::string>& words);  // "NAME=VALUE"

}  // namespace cg::checkpoint
