// `kcheck show`: a page on what kcheck knows under an id.
#pragma once

#include <string>

#include "base/cli/command.h"
#include "options.h"

namespace cg {

Command show_command(const KcheckOptions& options);
// The page of an id; of an empty one the list of all. `knowledge`: a file in place of the causes compiled in.
Result<int> show(const KcheckOptions& options, const std::string& id, const std::string& knowledge,
                 Environment& env);

}  // namespace cg
