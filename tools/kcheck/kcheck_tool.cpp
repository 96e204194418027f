#include "kcheck_tool.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cli/cli.h"
#include "config/config_command.h"
#include "config/fragment_command.h"
#include "config/stuck_command.h"
#include "config/why_command.h"
#include "explain/explain_command.h"
#include "flags/flags_command.h"
#include "image/image_command.h"
#include "images/images_command.h"
#include "learn/learn_command.h"
#include "live/live.h"
#include "options.h"
#include "restore/restore_command.h"
#include "show/show_command.h"
#include "tree/tree_command.h"

namespace cg {
namespace {

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
  KcheckOptions options;
  bool is_criu_given = false;
  std::vector<std::string> programs;
  const auto live = [&](Context& context) -> Result<int> {
    CG_TRY(matrix, load_matrix(options));
    const LiveCommand command{options.criu_binary, options.with_trial ? WithTrial::yes : WithTrial::no,
                              programs};
    return deliver(check_live(options, matrix, real_system(matrix), command), options, context.env);
  };
  Tool tool;
  tool.name = "kcheck";
  tool.help = "Will this CRIU run on this kernel, configuration or image, and if not, what is to be changed?";
  tool.common = &options.common;
  tool.formats = {"text", "json", "sarif", "junit", "markdown", "html"};
  tool.version = [&] { return version_text(options.common.verbose > 0 ? Detail::matrix : Detail::none); };
  tool.options = {
      {"--criu[=VERSION]",
       &options.criu,
       "CRIU version to judge for; without one, the criu on PATH, else the default. "
       "Without a command: `live`",
       {.given = &is_criu_given, .known = known_versions}},
      {"--criu-binary FILE", &options.criu_binary,
       "A criu to ask as well: version, features and options, and where it disagrees"},
      {"--try", &options.with_trial,
       "Dump and restore a throw-away process with that criu (with live and tree), within a limit"},
      {"--feature NAME",
       &options.features,
       "A feature that must work, such as tcp-established, or all; may be repeated",
       {.known = known_features}},
      {"--strict", &options.strict, "Warnings count as failures"},
      {"--matrix FILE", &options.matrix, "Requirement matrix to use instead of the one compiled in"},
      {"--waivers FILE", &options.waivers, "Findings to live with (TOML: id, reason, expires)"},
      {"-o,--output FILE", &options.common.output, "Write the report to a file"}};
  tool.examples = {{"kcheck --criu=4.2.1", "this machine: configuration and live probes"},
                   {"kcheck config .config --criu 4.2.1 --format sarif -o kcheck.sarif", "for a pipeline"}};
  tool.exit_statuses = {{"0", "READY: nothing fails"},
                        {"1", "something fails, or an input was refused"},
                        {"2", "the call's words are off"},
                        {"3", "something required could not be looked at"}};
  tool.variables = {
      {"SOURCE_DATE_EPOCH", "What counts as now for the dates of --waivers, in seconds since 1970"}};
  tool.commands = {
      {.name = "live",
       .help = "Check the running kernel by its configuration and by live probes",
       .options = {programs_option(programs)},
       .examples = {{"kcheck live --criu 4.2.1 --strict", "the same as kcheck --criu 4.2.1 --strict"}},
       .run = live},
      config_command(options),
      stuck_command(options),
      why_command(options),
      fragment_command(options),
      image_command(options),
      flags_command(options),
      tree_command(options),
      images_command(options),
      restore_command(options),
      explain_command(options),
      show_command(options),
      learn_command(options)};
  tool.run = [&](Context& context) -> Result<int> {
    if (is_criu_given || !options.criu_binary.empty() || options.with_trial) return live(context);
    return usage_error(
        "nothing to check; say --criu for the running kernel, or give a command (kcheck --help lists them)");
  };
  return run_commands(tool, args, env);
}

}  // namespace cg
