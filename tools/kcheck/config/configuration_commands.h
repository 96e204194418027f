// The commands about kernel configurations: config, stuck, why and fragment; their words and what they run.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "config/config_command.h"
#include "config/fragment_command.h"
#include "config/stuck_command.h"
#include "config/why_command.h"

namespace cg {

class ConfigurationCommands {
 public:
  explicit ConfigurationCommands(CLI::App& app);
  // The exit status of the command that was given; nullopt: none of these.
  std::optional<int> run(const KcheckOptions& options, Environment& env) const;

 private:
  ConfigCommand config_;
  StuckCommand stuck_;
  WhyCommand why_;
  FragmentCommand fragment_;
  CLI::App* check_config_;
  CLI::App* check_stuck_;
  CLI::App* explain_;
  CLI::App* make_fragment_;
};

}  // namespace cg
