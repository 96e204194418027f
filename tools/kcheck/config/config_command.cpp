#include "config/config_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <iterator>
#include <memory>

#include "base/cli/describe.h"
#include "base/text.h"
#include "config/linux_tree.h"
#include "criu/judge.h"
#include "criu/requirements.h"
#include "criu/versions.h"
#include "kconfig/input.h"
#include "kconfig/resolve.h"
#include "kconfig/unmet_request.h"

namespace cg {
namespace {

Result<ConfigInput> read_input(const std::string& file, Environment& env) {
  if (file != "-") return load_config_input(file);
  return read_config(std::string(std::istreambuf_iterator<char>(env.in), {}), "standard input");
}

// The line that decides a row: that of the first of its symbols which the configuration mentions.
void point_at_line(Finding& finding, const Matrix& matrix, const KernelConfig& config) {
  const auto row = std::ranges::find(matrix.rows, finding.id, &MatrixRow::id);
  if (row == matrix.rows.end()) return;
  for (const auto& symbol : row->symbols.symbols()) {
    const ConfigValue* value = config.find(symbol);
    if (!value) continue;
    finding.file = value->file;
    finding.line = value->line;
    return;
  }
}

// The fragments merged; with --base also what the kernel's conf makes of them.
Result<ConfigInput> merge_fragments(const ConfigCommand& command, Environment& env) {
  CG_TRY(merged, load_fragments(command.fragments));
  ConfigInput input{std::move(merged), join(command.fragments, " + "), "fragment"};
  if (command.base.empty()) return input;
  std::optional<KernelConfig> base;
  if (command.base != "allnoconfig") {
    CG_TRY(loaded, load_config_input(command.base));
    base = std::move(loaded.config);
  }
  CG_TRY(tree, load_linux_tree(command.tree, command.architecture, base ? *base : input.config));
  CG_TRY(resolved, resolve_by_conf({command.tree, tree.architecture, tree.version, tree.arch}, input.config,
                                   base ? &*base : nullptr));
  for (const auto& stuck : kconfig::find_unmet_requests(input.config, resolved, &tree))
    env.err << "kcheck: " << kconfig::to_text(stuck);
  resolved.overrides = input.config.overrides;
  resolved.warnings = input.config.warnings;
  resolved.dropped = input.config.dropped;
  input.config = std::move(resolved);
  input.form = "resolved by conf over " + command.base;
  return input;
}

void warn_of(const KernelConfig& config, Environment& env) {
  for (const auto& list : {config.warnings, config.dropped})
    for (const auto& line : list) env.err << "kcheck: " << line << "\n";
  for (const auto& [symbol, earlier, later] : config.overrides)
    env.err << fmt::format("kcheck: {}:{}: CONFIG_{}={} replaces {} of {}:{}\n", later.file, later.line,
                           symbol, later.text, earlier.text, earlier.file, earlier.line);
}

// The column of a configuration that cannot be read.
Subject unread(const std::string& name, const Error& error) {
  Finding finding;
  finding.id = "config.unread";
  finding.title = "the configuration can be read";
  finding.verdict = error.kind == ErrorKind::cannot ? Verdict::unknown : Verdict::fail;
  finding.required = true;
  finding.severity = "startup";
  finding.seen = error.message;
  finding.fix = "give another file of this configuration; the others were judged";
  Subject subject;
  subject.name = name;
  subject.verdict = finding.verdict;
  subject.headline = "NOT READ: " + name;
  subject.findings.push_back(std::move(finding));
  return subject;
}

Result<std::vector<Subject>> judge_input(const ConfigInput& input, const ConfigCommand& command,
                                         const Matrix& matrix, const Question& question) {
  const KernelConfig& config = input.config;
  Evidence evidence;
  evidence.config = &config;
  evidence.config_name = input.name;
  // Only a resolved configuration has the header with the kernel's version; in a fragment, what is not
  // mentioned is not known.
  evidence.config_is_complete = !config.version.empty();
  const std::string kernel = command.kernel.empty() ? config.version : command.kernel;
  evidence.kernel = leading_version(kernel);
  if (!command.kernel.empty() && !evidence.kernel)
    return usage_error(fmt::format("--kernel {}: not a kernel version such as 6.12", command.kernel));
  const std::string architecture = command.architecture.empty() ? config.architecture : command.architecture;
  evidence.architecture = matrix_architecture(architecture, &config);
  if (!command.architecture.empty() && evidence.architecture.empty())
    return usage_error(
        fmt::format("--arch {}: not a known architecture such as x86_64 or arm64", command.architecture));

  Subject subject = judge_subject(matrix, question, evidence, input.name);
  subject.cure = cure_of(matrix, question, evidence);
  for (Finding& finding : subject.findings) point_at_line(finding, matrix, config);
  subject.facts = {
      {"config", fmt::format("{} ({}, {} symbols{})", input.name, input.form, config.values.size(),
                             evidence.config_is_complete ? "" : "; what it does not mention is unknown")},
      {"kernel", evidence.kernel ? fmt::format("Linux {} {}{}", kernel, evidence.architecture,
                                               kernel_remark(matrix, evidence.kernel))
                                 : "version not known"}};
  std::vector<Subject> subjects = {std::move(subject)};
  for (const auto& program : command.programs) {
    CG_TRY(requirements, requirements_of(program));
    subjects.push_back(judge_requirements(requirements, program, evidence, input.name));
    for (Finding& finding : subjects.back().findings) point_at_line(finding, requirements, config);
  }
  return subjects;
}

}  // namespace

Result<Report> check_configs(const KcheckOptions& options, const ConfigCommand& command, const Matrix& matrix,
                             Environment& env) {
  if (command.files.empty() && command.fragments.empty())
    return usage_error("config needs a FILE (.config, config.gz, vmlinux, bzImage, -) or --fragments");
  if (command.base.empty() != command.tree.empty())
    return usage_error("--base and --tree go together: the kernel's conf lays the fragments over the base");
  if (!command.base.empty() && command.fragments.empty()) return usage_error("--base is for --fragments");
  CG_TRY(version, criu_versions().resolve(options.criu));
  CG_TRY(features, feature_set(options, matrix));
  Report report{"config", version.text(), {}};
  const std::size_t count = command.files.size() + !command.fragments.empty();
  const auto add = [&](const std::string& name, const Result<ConfigInput>& input) -> Result<void> {
    if (!input) {
      // One that cannot be read does not stop the others.
      if (count == 1 || input.error().kind == ErrorKind::usage) return std::unexpected(input.error());
      report.subjects.push_back(unread(name, input.error()));
      return {};
    }
    warn_of(input->config, env);
    CG_TRY(subjects, judge_input(*input, command, matrix, Question{version, features}));
    for (auto& subject : subjects) report.subjects.push_back(std::move(subject));
    return {};
  };
  for (const auto& file : command.files) CG_CHECK(add(file, read_input(file, env)));
  if (!command.fragments.empty())
    CG_CHECK(add(join(command.fragments, " + "), merge_fragments(command, env)));
  return report;
}

Command config_command(const KcheckOptions& options) {
  const auto command = std::make_shared<ConfigCommand>();
  return {
      .name = "config",
      .help = "Check kernel configurations: .config, config.gz, vmlinux, bzImage, or - for standard input",
      .options = {{"FILE", &command->files, "Configurations; each is judged by itself"},
                  {"--fragments FILE...", &command->fragments,
                   "Files or directories, merged in order into one more"},
                  {"--base FILE", &command->base,
                   "What the fragments are laid over: allnoconfig or a configuration"},
                  {"--tree DIR", &command->tree, "The Linux source tree whose conf does that"},
                  {"--kernel VERSION", &command->kernel, "Kernel version, when the file does not say"},
                  {"--arch ARCH",
                   &command->architecture,
                   "Architecture, when the file does not say",
                   {.known = known_names(known_architectures())}},
                  programs_option(command->programs)},
      .examples = {{"kcheck config .config --for podman --for systemd", "these shall run there, too"},
                   {"kcheck config /proc/config.gz --criu 4.2.1", "the running kernel's"},
                   {"kcheck config out/config-6.12 .config --format markdown", "two, side by side"}},
      .run = [command, &options](Context& context) -> Result<int> {
        CG_TRY(matrix, load_matrix(options));
        return deliver(check_configs(options, *command, matrix, context.env), options, context.env);
      }};
}

}  // namespace cg
