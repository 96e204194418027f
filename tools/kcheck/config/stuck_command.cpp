#include "config/stuck_command.h"

#include <fmt/format.h>

#include <memory>

#include "config/linux_tree.h"
#include "kconfig/input.h"
#include "kconfig/unmet_request.h"

namespace cg {
namespace {

Finding finding_of(const kconfig::UnmetRequest& stuck) {
  Finding finding;
  finding.id = "config." + stuck.mismatch.symbol;
  finding.title = fmt::format("CONFIG_{}={} is {}", stuck.mismatch.symbol, stuck.mismatch.requested.text,
                              stuck.mismatch.got);
  finding.verdict = Verdict::fail;
  finding.required = true;
  finding.severity = kconfig::reason_name(stuck.explanation.kind);
  finding.seen = stuck.explanation.summary;
  finding.notes = stuck.explanation.chain;
  if (!stuck.explanation.settings.empty()) finding.fix = stuck.explanation.remedy();
  finding.source = stuck.explanation.defined;
  finding.file = stuck.mismatch.requested.file;
  finding.line = stuck.mismatch.requested.line;
  return finding;
}

// A later line that says something else is as good a reason as any for a request that came to nothing.
Finding finding_of(const ConfigOverride& override_) {
  Finding finding;
  finding.id = "config." + override_.symbol + ".overridden";
  finding.title = fmt::format("CONFIG_{}={} is asked for, and later {}", override_.symbol,
                              override_.earlier.text, override_.later.text);
  finding.verdict = Verdict::warn;
  finding.severity = "overridden";
  finding.seen = fmt::format("{}:{} sets CONFIG_{}={}", override_.later.file, override_.later.line,
                             override_.symbol, override_.later.text);
  finding.fix = "take one of the two lines out";
  finding.file = override_.earlier.file;
  finding.line = override_.earlier.line;
  return finding;
}

// "f.conf:3: conf drops ...": a request that conf does not even read.
Finding finding_of(const std::string& dropped) {
  Finding finding;
  finding.id = "config.dropped-line";
  finding.title = "a line that conf does not take";
  finding.verdict = Verdict::fail;
  finding.required = true;
  finding.severity = "dropped";
  finding.seen = dropped;
  finding.fix = "write CONFIG_NAME=value, with a text in double quotes";
  return finding;
}

}  // namespace

Result<Report> check_stuck(const StuckCommand& command) {
  CG_TRY(requested, load_fragments(command.fragments));
  CG_TRY(resolved, load_config_input(command.config));
  std::optional<kconfig::Tree> tree;
  if (!command.tree.empty()) {
    CG_TRY(loaded, load_linux_tree(command.tree, command.architecture, resolved.config));
    tree = std::move(loaded);
  }
  Subject subject;
  subject.name = command.config;
  for (const auto& stuck : kconfig::find_unmet_requests(requested, resolved.config, tree ? &*tree : nullptr))
    subject.findings.push_back(finding_of(stuck));
  for (const auto& line : requested.dropped) subject.findings.push_back(finding_of(line));
  const std::size_t failed = subject.findings.size();
  for (const auto& override_ : requested.overrides) subject.findings.push_back(finding_of(override_));
  subject.verdict = overall_verdict(subject.findings);
  subject.headline = failed == 0
                         ? fmt::format("all {} requested symbols have their value", requested.values.size())
                         : fmt::format("{} of {} requested symbols did not get their value", failed,
                                       requested.values.size() + requested.dropped.size());
  subject.facts = {{"config", fmt::format("{} ({}, {} symbols)", command.config, resolved.form,
                                          resolved.config.values.size())}};
  if (tree)
    subject.facts.emplace_back("tree", fmt::format("{} (Linux {}, {} symbols)", command.tree, tree->version,
                                                   tree->definition_count()));
  return Report{"stuck", "", {std::move(subject)}};
}

Command stuck_command(const KcheckOptions& options) {
  const auto command = std::make_shared<StuckCommand>();
  return {.name = "stuck",
          .help = "Which requested symbols did not survive the kernel's conf, and why",
          .options = {{"--fragments FILE...",
                       &command->fragments,
                       "What was asked for, in order: files or directories",
                       {.required = true}},
                      {"--config FILE",
                       &command->config,
                       "What conf made of it: the resolved .config",
                       {.required = true}},
                      {"--tree DIR", &command->tree, "The Linux source tree, for the reasons"},
                      {"--arch ARCH", &command->architecture,
                       "Architecture, when the configuration does not say"}},
          .examples = {{"kcheck stuck --fragments my.conf --config linux/.config --tree linux",
                        "each symbol of my.conf that is not as asked, with the unmet dependency"}},
          .run = [command, &options](Context& context) {
            return deliver(check_stuck(*command), options, context.env);
          }};
}

}  // namespace cg
