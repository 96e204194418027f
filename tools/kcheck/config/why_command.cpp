#include "config/why_command.h"

#include <fmt/format.h>

#include <memory>

#include "config/linux_tree.h"
#include "kconfig/explain.h"
#include "kconfig/input.h"

namespace cg {

Result<Report> explain_symbol(const WhyCommand& command) {
  std::string_view symbol = command.symbol;
  if (symbol.starts_with("CONFIG_")) symbol.remove_prefix(7);
  CG_TRY(input, load_config_input(command.config));
  CG_TRY(tree, load_linux_tree(command.tree, command.architecture, input.config));
  const kconfig::Evaluation evaluation(tree, input.config);
  const auto explanation = kconfig::explain_value(evaluation, symbol);

  Finding finding;
  finding.id = fmt::format("config.{}", symbol);
  finding.title = fmt::format("CONFIG_{} {}", symbol, explanation.summary);
  const bool known = explanation.kind != kconfig::ReasonKind::unknown_symbol;
  finding.verdict = known ? Verdict::pass : Verdict::fail;
  finding.required = !known;
  finding.severity = kconfig::reason_name(explanation.kind);
  finding.seen = fmt::format("CONFIG_{}={}", symbol, explanation.got);
  finding.notes = explanation.chain;
  if (!explanation.settings.empty()) finding.fix = explanation.remedy();
  finding.source = explanation.defined;
  if (const ConfigValue* value = input.config.find(symbol)) {
    finding.file = value->file;
    finding.line = value->line;
  }

  Subject subject;
  subject.name = command.config;
  subject.verdict = finding.verdict;
  subject.headline = finding.title;
  subject.facts = {{"value", finding.seen}};
  if (!explanation.defined.empty()) subject.facts.emplace_back("defined", explanation.defined);
  for (const auto& step : explanation.chain) subject.facts.emplace_back("", step);
  if (!finding.fix.empty())
    subject.facts.emplace_back(explanation.got == "n" ? "to set it" : "to change it", finding.fix);
  subject.findings.push_back(std::move(finding));
  return Report{"why", "", {std::move(subject)}};
}

Command why_command(const KcheckOptions& options) {
  const auto command = std::make_shared<WhyCommand>();
  return {.name = "why",
          .help = "Why a symbol is on or off",
          .options = {{"SYMBOL", &command->symbol, "With or without CONFIG_", {.required = true}},
                      {"--config FILE", &command->config, "The resolved .config", {.required = true}},
                      {"--tree DIR", &command->tree, "The Linux source tree", {.required = true}},
                      {"--arch ARCH", &command->architecture,
                       "Architecture, when the configuration does not say"}},
          .examples = {{"kcheck why MEMBARRIER --config linux/.config --tree linux", ""}},
          .run = [command, &options](Context& context) {
            return deliver(explain_symbol(*command), options, context.env);
          }};
}

}  // namespace cg
