#include "kcheck_tool.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/configuration_commands.h"
#include "explain/explain_command.h"
#include "flags/flags_command.h"
#include "image/image_command.h"
#include "live/live.h"
#include "options.h"
#include "tree/tree_command.h"

namespace cg {
namespace {

void add_matrix_options(CLI::App& app, KcheckOptions& options) {
  app.add_option("--matrix", options.matrix, "Requirement matrix to use instead of the one compiled in");
  app.add_option("--feature", options.features,
                 "A feature that must work, such as tcp-established, or all; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--strict", options.strict, "Warnings count as failures");
  app.add_option("--waivers", options.waivers, "Findings to live with (TOML: id, reason, expires)");
  app.add_option("-o,--output", options.common.output, "Write the report to a file");
}

int finish(Result<Report> report, const KcheckOptions& options, Environment& env) {
  if (!report) return report_error(report.error(), "kcheck", env);
  return deliver(std::move(*report), options, env);
}

// Of the commands that take another program's command line, the words behind "--" are not kcheck's.
Args take_command(Args& words) {
  const auto dashes = std::ranges::find(words, "--");
  const auto takes = std::find_if(words.begin(), dashes, [](const std::string& word) {
    return word == "flags" || word == "explain" || word == "tree";
  });
  if (dashes == words.end() || takes == dashes) return {};
  Args behind(dashes + 1, words.end());
  words.erase(dashes, words.end());
  return behind;
}

enum class Detail { none, matrix };

// With -v also how much of the matrix was seen to be true, and how much only read.
std::string version_text(Detail detail) {
  std::string text = "kcheck " CG_VERSION;
  if (detail == Detail::none) return text;
  const auto matrix = builtin_matrix();
  if (!matrix) return text;
  const auto read = std::ranges::count(matrix->rows, "read", &MatrixRow::proof);
  const auto reported = std::ranges::count(matrix->rows, "report", &MatrixRow::proof);
  return text + fmt::format(
                    "\nmatrix: {} rows, {} proven by lab cases, {} by public reports, {} read in the sources",
                    matrix->rows.size(), static_cast<std::ptrdiff_t>(matrix->rows.size()) - read - reported,
                    reported, read);
}

}  // namespace

int kcheck_main(const Args& args, Environment& env) {
  Args words = args;
  KcheckOptions options;
  options.behind = take_command(words);
  ImageCommand image;
  FlagsCommand flags;
  ExplainCommand explanation;
  CLI::App app(
      "Will this CRIU run on this kernel, configuration or image, and if not, what is to be changed?",
      "kcheck");
  const bool verbose =
      std::ranges::find(words, "-v") != words.end() || std::ranges::find(words, "--verbose") != words.end();
  add_common_options(app, options.common, {"text", "json", "sarif", "junit", "markdown", "html"});
  app.set_version_flag("--version",
                       [verbose] { return version_text(verbose ? Detail::matrix : Detail::none); });
  add_matrix_options(app, options);
  app.add_option(
         "--criu", options.criu,
         "CRIU version to judge for (--criu=VERSION); without one, the criu on PATH, else the default")
      ->expected(0, 1);
  std::string binary;
  app.add_option("--criu-binary", binary,
                 "A criu to ask as well: version, features and options, and where it disagrees");
  bool with_trial = false;
  app.add_flag("--try", with_trial,
               "Dump and restore a throw-away process with that criu (with live and tree), within a limit");
  CLI::App* live =
      app.add_subcommand("live", "Check the running kernel by its configuration and by live probes");
  ConfigurationCommands configurations(app);
  CLI::App* look_into = app.add_subcommand("image", "Check that a root image has what CRIU needs");
  look_into->add_option("IMG", image.image, "A raw ext4 image")->required();
  look_into->add_option("--kernel", image.kernel, "The kernel that will boot it: a bzImage or a vmlinux");
  look_into->add_option("--config", image.config,
                        "The .config that kernel was built from, when it does not carry it (IKCONFIG)");
  CLI::App* check_flags = add_flags_command(app, flags);
  TreeCommand tree;
  CLI::App* look_at_tree = add_tree_command(app, tree);
  CLI::App* explain_failure = add_explain_command(app, explanation);
  app.require_subcommand(0, 1);
  if (const auto status = parse_command_line(app, words, env)) return *status;

  if (check_flags->parsed()) return finish(check_flags_of(options, flags), options, env);
  if (const auto status = configurations.run(options, env)) return *status;
  if (explain_failure->parsed()) return finish(explain(options, explanation, env), options, env);
  const auto matrix = load_matrix(options);
  if (!matrix) return report_error(matrix.error(), "kcheck", env);
  if (look_into->parsed()) return finish(check_image(options, image, *matrix), options, env);
  const WithTrial trial = with_trial ? WithTrial::yes : WithTrial::no;
  if (look_at_tree->parsed()) {
    const auto choice = choose_version(options, real_system(*matrix), binary);
    if (!choice) return report_error(choice.error(), "kcheck", env);
    return finish(check_tree(options, tree, choice->version, real_tree_system(*matrix, trial, binary)),
                  options, env);
  }
  if (live->parsed() || app.count("--criu") > 0 || !binary.empty() || with_trial)
    return finish(check_live(options, *matrix, real_system(*matrix), {binary, trial}), options, env);
  env.err << "kcheck: nothing to check; say --criu for the running kernel, or give a command\n" << app.help();
  return exit_usage;
}

}  // namespace cg
