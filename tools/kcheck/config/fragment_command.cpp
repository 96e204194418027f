#include "config/fragment_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/cli/cli.h"
#include "base/cli/describe.h"
#include "base/host.h"
#include "base/text.h"
#include "config/linux_tree.h"
#include "criu/fragment.h"
#include "criu/judge.h"
#include "criu/requirements.h"
#include "criu/versions.h"
#include "kconfig/input.h"
#include "kconfig/remedy.h"
#include "kconfig/resolve.h"

namespace cg {
namespace {

// --arch any: what does not differ between architectures.
constexpr std::string_view any_architecture = "any";

// The fragment and what it is made for.
struct Work {
  FragmentQuestion question;
  std::vector<FragmentLine> lines;
  std::vector<std::string> heading;
};

Result<std::vector<Version>> versions_of(const std::string& criu) {
  if (criu == "all") return criu_versions().all;
  CG_TRY(version, criu_versions().resolve_covered(criu));
  return std::vector<Version>{version};
}

// The dependencies that the tree has over this base. Symbols that the tree does not have are left out.
void add_dependencies_of(const kconfig::Tree& tree, const KernelConfig& base, Work& work) {
  const kconfig::Evaluation evaluation(tree, base);
  std::vector<FragmentLine> known;
  std::vector<std::string> missing;
  std::vector<std::pair<kconfig::Index, kconfig::Tristate>> wanted;
  for (auto& line : work.lines) {
    const auto index = tree.index_of(line.symbol);
    if (index == kconfig::none || !tree.is_defined(index)) {
      missing.push_back(line.symbol);
      continue;
    }
    if (line.on) wanted.emplace_back(index, kconfig::Tristate::yes);
    known.push_back(std::move(line));
  }
  // One by one for the names of who needs what, then all together so that nothing is listed that another one
  // brings.
  const auto remedies = kconfig::find_remedies(evaluation, wanted);
  std::vector<FragmentLine> all;
  for (const auto& setting : remedies.settings) {
    if (std::ranges::find(known, setting.symbol, &FragmentLine::symbol) != known.end()) continue;
    FragmentLine line{setting.symbol, setting.value != 'n', {}, ""};
    for (const auto& [index, value] : wanted) {
      const auto own = kconfig::find_remedy(evaluation, index, value);
      if (own && std::ranges::find(*own, setting.symbol, &kconfig::Setting::symbol) != own->end())
        line.needed_by.emplace_back(tree.symbols[index].name);
    }
    all.push_back(std::move(line));
  }
  all.insert(all.end(), std::make_move_iterator(known.begin()), std::make_move_iterator(known.end()));
  work.lines = std::move(all);
  if (!missing.empty())
    work.heading.push_back(fmt::format("Linux {} does not have: {}.", tree.version, join(missing, ", ")));
}

bool is_window(const Matrix& matrix, std::string_view id) {
  const auto row = std::ranges::find(matrix.rows, id, &MatrixRow::id);
  return row != matrix.rows.end() && row->window;
}

// What no line of a configuration cures: a kernel that breaks this CRIU is told, a machine that it does not
// run on is refused.
Result<void> tell_what_no_line_cures(Work& work, const Matrix& matrix) {
  Evidence evidence;
  evidence.kernel = work.question.kernel;
  evidence.architecture = work.question.architecture;
  for (const auto& version : work.question.versions)
    for (const auto& finding : judge(matrix, {version, work.question.features}, evidence)) {
      if (finding.verdict != Verdict::fail) continue;
      if (!is_window(matrix, finding.id))
        return refused(fmt::format("CRIU {} does not run on {}: {}", version.text(), evidence.architecture,
                                   finding.fix));
      work.heading.push_back(fmt::format("No line cures this for CRIU {}: {} ({}): {}.", version.text(),
                                         finding.title, finding.seen, finding.fix));
    }
  return {};
}

// The kernel's conf has the last word.
Result<void> prove(const Work& work, const kconfig::Tree& tree, const std::string& directory,
                   const KernelConfig* base, const Matrix& matrix, Environment& env) {
  CG_TRY(request, parse_request(to_text(work.lines, {}), "fragment"));
  CG_TRY(resolved, resolve_by_conf({directory, tree.architecture, tree.version, tree.arch}, request, base));
  Evidence evidence;
  evidence.config = &resolved;
  evidence.kernel = work.question.kernel;
  evidence.architecture = work.question.architecture;
  std::string failed;
  for (const auto& version : work.question.versions)
    for (const auto& finding : judge(matrix, {version, work.question.features}, evidence))
      if (finding.verdict == Verdict::fail && !is_window(matrix, finding.id))
        failed += fmt::format("\n  CRIU {}: {}: {}", version.text(), finding.id, finding.seen);
  if (!failed.empty())
    return refused(
        fmt::format("the conf of Linux {} does not make of it what CRIU asks for:{}", tree.version, failed));
  env.err << fmt::format("kcheck: resolved by the conf of Linux {} over {}: ready for CRIU {}\n",
                         tree.version, base ? "the configuration" : "allnoconfig",
                         join(names_of(work.question.versions), ", "));
  return {};
}

Result<Work> make_fragment(const KcheckOptions& options, const FragmentCommand& command, const Matrix& matrix,
                           Environment& env) {
  Work work;
  CG_TRY(versions, versions_of(options.criu));
  CG_TRY(features, feature_set(options, matrix));
  std::optional<ConfigInput> base;
  if (!command.config.empty()) {
    if (command.tree.empty())
      return usage_error("--config needs --tree: what the configuration lacks is found in the Kconfig files");
    CG_TRY(input, load_config_input(command.config));
    base = std::move(input);
  }
  const std::string named = !command.architecture.empty() ? command.architecture
                            : base                        ? base->config.architecture
                                                          : host_machine();
  work.question = {versions, features, matrix_architecture(named, base ? &base->config : nullptr), {}, false};
  const bool any = command.architecture == any_architecture;
  if (any && !command.tree.empty())
    return usage_error("--arch any is what all architectures have in common; a tree is read for one of them");
  if (work.question.architecture.empty() && named.empty())
    return usage_error(command.config + " does not say which architecture it is for; give --arch");
  if (work.question.architecture.empty() && !any)
    return usage_error(fmt::format("--arch {}: not a known architecture such as x86_64 or arm64", named));
  work.question.kernel = leading_version(!command.kernel.empty() ? command.kernel
                                         : base                  ? base->config.version
                                                                 : "");
  work.question.base_has_expert = base && base->config.value("EXPERT") == "y";
  work.heading = heading_of(work.question, matrix);
  if (command.tree.empty()) {
    CG_CHECK(tell_what_no_line_cures(work, matrix));
    work.lines = with_dependencies(matrix, work.question, required_lines(matrix, work.question));
    return work;
  }
  CG_TRY(tree, load_linux_tree(command.tree, named, base ? base->config : KernelConfig{}));
  if (!work.question.kernel) work.question.kernel = leading_version(tree.version);
  work.question.has = [&tree](std::string_view symbol) {
    const auto index = tree.index_of(symbol);
    return index != kconfig::none && tree.is_defined(index);
  };
  CG_CHECK(tell_what_no_line_cures(work, matrix));
  work.lines = required_lines(matrix, work.question);
  work.question.has = nullptr;
  std::optional<KernelConfig> nothing;
  if (!base) {
    CG_TRY(empty, resolve_by_conf({command.tree, tree.architecture, tree.version, tree.arch}, KernelConfig{},
                                  nullptr));
    nothing = std::move(empty);
  }
  add_dependencies_of(tree, base ? base->config : *nothing, work);
  CG_CHECK(prove(work, tree, command.tree, base ? &base->config : nullptr, matrix, env));
  return work;
}

std::string to_json(const Work& work) {
  nlohmann::ordered_json document;
  document["schema"] = "criu-guest.kcheck-fragment/1";
  document["criu"] = names_of(work.question.versions);
  document["architecture"] = work.question.architecture.empty() ? "any" : work.question.architecture;
  document["settings"] = nlohmann::ordered_json::array();
  for (const auto& line : work.lines) {
    nlohmann::ordered_json setting;
    setting["symbol"] = line.symbol;
    setting["value"] = line.on ? "y" : "n";
    if (line.needed_by.empty())
      setting["reason"] = line.reason;
    else
      setting["needed_by"] = line.needed_by;
    document["settings"].push_back(setting);
  }
  return document.dump(2) + "\n";
}

}  // namespace

Result<int> write_fragment(const KcheckOptions& options, const FragmentCommand& command, const Matrix& matrix,
                           Environment& env) {
  const std::string& format = options.common.format;
  if (format != "text" && format != "json") return usage_error("fragment writes text or json");
  CG_TRY(work, make_fragment(options, command, matrix, env));
  const std::string text = format == "json" ? to_json(work) : to_text(work.lines, work.heading);
  CG_CHECK(write_output(text, options.common.output, env));
  return exit_good;
}

namespace {

std::vector<std::string> architectures_or_any() {
  std::vector<std::string> names = known_architectures();
  names.emplace_back("any");
  return names;
}

}  // namespace

Command fragment_command(const KcheckOptions& options) {
  const auto command = std::make_shared<FragmentCommand>();
  return {.name = "fragment",
          .help = "Print the fragment that makes a configuration ready (--criu VERSION, or --criu all)",
          .options =
              {{"--config FILE", &command->config, "What it will be laid over; without it: allnoconfig"},
               {"--tree DIR", &command->tree,
                "The Linux source tree: dependencies are searched there, and its conf proves the fragment"},
               {"--arch ARCH",
                &command->architecture,
                "Architecture, when the configuration does not say; any: what they have in common",
                {.known = known_names(architectures_or_any())}},
               {"--kernel VERSION", &command->kernel, "Kernel version, when the configuration does not say"},
               programs_option(command->programs)},
          .examples = {{"kcheck fragment --criu 4.2.1 > criu.conf",
                        "for a kernel of this machine's architecture"},
                       {"kcheck fragment --criu all --config .config --tree linux",
                        "only what .config lacks, proven"}},
          .run = [command, &options](Context& context) -> Result<int> {
            CG_TRY(own, load_matrix(options));
            CG_TRY(matrix, with_requirements(std::move(own), command->programs));
            return write_fragment(options, *command, matrix, context.env);
          }};
}

}  // namespace cg
