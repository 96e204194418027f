// `kcheck config FILE...`: judges kernel configurations, each a subject of its own; `--fragments F...` is one
// more, of all of them merged.
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "options.h"

namespace cg {

struct ConfigCommand {
  std::vector<std::string> files;      // "-": standard input
  std::vector<std::string> fragments;  // merged in order; empty: none
  std::string base;          // "allnoconfig" or a file: what the fragments are laid over; empty: not resolved
  std::string tree;          // the Linux sources whose conf resolves them
  std::string kernel;        // --kernel V; empty: from the file's header
  std::string architecture;  // --arch A; empty: likewise
  std::vector<std::string> programs;  // --for: a subject more for each configuration
};

Command config_command(const KcheckOptions& options);
Result<Report> check_configs(const KcheckOptions& options, const ConfigCommand& command, const Matrix& matrix,
                             Environment& env);

}  // namespace cg
