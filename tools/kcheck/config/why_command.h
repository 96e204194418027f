// `kcheck why SYMBOL`: why a symbol of a resolved configuration is on, or off.
#pragma once

#include <string>

#include "base/environment.h"
#include "options.h"

namespace cg {

struct WhyCommand {
  std::string symbol;  // with or without CONFIG_
  std::string config;
  std::string tree;
  std::string architecture;
};

Command why_command(const KcheckOptions& options);
// A symbol that this kernel does not have is a FAIL; everything else is an answer.
Result<Report> explain_symbol(const WhyCommand& command);

}  // namespace cg
