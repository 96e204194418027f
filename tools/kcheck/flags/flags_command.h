// `kcheck flags -- criu dump ...`: does this CRIU know these options, and do they do something as given?
#pragma once

#include <string>

#include "criu/options.h"
#include "options.h"

namespace cg {

struct FlagsCommand {
  std::string table;  // --options FILE; empty: the one compiled in
};

// The command to check goes to options.passthrough.
Command flags_command(KcheckOptions& options);
Result<Report> check_flags_of(const KcheckOptions& options, const FlagsCommand& command);

// The option table of `file`, or the one compiled in.
Result<OptionTable> load_option_table(const std::string& file);

}  // namespace cg
