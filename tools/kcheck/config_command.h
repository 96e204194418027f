// `kcheck config FILE...`: judges kernel configurations, each a subject of its own.
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "options.h"

namespace cg {

struct ConfigCommand {
  std::vector<std::string> files;  // "-": standard input
  std::string kernel;              // --kernel V; empty: from the file's header
  std::string architecture;        // --arch A; empty: likewise
};

Result<Report> check_configs(const KcheckOptions& options, const ConfigCommand& command, const Matrix& matrix,
                             Environment& env);

}  // namespace cg
