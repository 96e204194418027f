// `kcheck explain`: from a log, an images directory, a criu that still runs, a mere error line or nothing at
// all to the cause, the remedy, and what it is not.
#pragma once

#include <filesystem>
#include <string>

#include "base/environment.h"
#include "options.h"

namespace cg {

struct ExplainCommand {
  std::string what;                  // a log, an images directory, "-", or an error line; empty: none
  std::string images;                // --images DIR
  int pid = 0;                       // --pid CRIU
  std::string knowledge;             // --knowledge FILE; empty: the one compiled in
  std::string id;                    // --id ID: its page, and nothing is explained
  std::filesystem::path root = "/";  // where /proc and /sys are; tests have their own
};

// The failed command, where it is given, goes to options.passthrough.
Command explain_command(KcheckOptions& options);
Result<Report> explain(const KcheckOptions& options, const ExplainCommand& command, Environment& env);

}  // namespace cg
