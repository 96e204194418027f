#include "config/configuration_commands.h"

namespace cg {
namespace {

int finish(Result<Report> report, const KcheckOptions& options, Environment& env) {
  if (!report) return report_error(report.error(), "kcheck", env);
  return deliver(std::move(*report), options, env);
}

}  // namespace

ConfigurationCommands::ConfigurationCommands(CLI::App& app) {
  check_config_ = app.add_subcommand(
      "config", "Check kernel configurations: .config, config.gz, vmlinux, bzImage, or - for standard input");
  check_config_->add_option("FILE", config_.files, "Configurations; each is judged by itself");
  check_config_->add_option("--fragments", config_.fragments,
                            "Files or directories, merged in order into one more");
  check_config_->add_option("--base", config_.base,
                            "What the fragments are laid over: allnoconfig or a configuration");
  check_config_->add_option("--tree", config_.tree, "The Linux source tree whose conf does that");
  check_config_->add_option("--kernel", config_.kernel, "Kernel version, when the file does not say");
  check_config_->add_option("--arch", config_.architecture, "Architecture, when the file does not say");

  check_stuck_ =
      app.add_subcommand("stuck", "Which requested symbols did not survive the kernel's conf, and why");
  check_stuck_
      ->add_option("--fragments", stuck_.fragments, "What was asked for, in order: files or directories")
      ->required();
  check_stuck_->add_option("--config", stuck_.config, "What conf made of it: the resolved .config")
      ->required();
  check_stuck_->add_option("--tree", stuck_.tree, "The Linux source tree, for the reasons");
  check_stuck_->add_option("--arch", stuck_.architecture,
                           "Architecture, when the configuration does not say");

  explain_ = app.add_subcommand("why", "Why a symbol is on or off");
  explain_->add_option("SYMBOL", why_.symbol, "With or without CONFIG_")->required();
  explain_->add_option("--config", why_.config, "The resolved .config")->required();
  explain_->add_option("--tree", why_.tree, "The Linux source tree")->required();
  explain_->add_option("--arch", why_.architecture, "Architecture, when the configuration does not say");

  make_fragment_ = app.add_subcommand(
      "fragment", "Print the fragment that makes a configuration ready (--criu VERSION, or --criu all)");
  make_fragment_->add_option("--config", fragment_.config,
                             "What it will be laid over; without it: allnoconfig");
  make_fragment_->add_option(
      "--tree", fragment_.tree,
      "The Linux source tree: dependencies are searched there, and its conf proves the fragment");
  make_fragment_->add_option(
      "--arch", fragment_.architecture,
      "Architecture, when the configuration does not say; any: what they have in common");
  make_fragment_->add_option("--kernel", fragment_.kernel,
                             "Kernel version, when the configuration does not say");
}

std::optional<int> ConfigurationCommands::run(const KcheckOptions& options, Environment& env) const {
  if (check_stuck_->parsed()) return finish(check_stuck(stuck_), options, env);
  if (explain_->parsed()) return finish(explain_symbol(why_), options, env);
  if (!check_config_->parsed() && !make_fragment_->parsed()) return std::nullopt;
  const auto matrix = load_matrix(options);
  if (!matrix) return report_error(matrix.error(), "kcheck", env);
  if (make_fragment_->parsed()) return write_fragment(options, fragment_, *matrix, env);
  return finish(check_configs(options, config_, *matrix, env), options, env);
}

}  // namespace cg
