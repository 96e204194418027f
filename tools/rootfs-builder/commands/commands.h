// The sub-commands: each adds itself to the app and returns what runs it.
#pragma once

#include <functional>
#include <vector>

#include "base/cli.h"
#include "base/environment.h"
#include "base/result.h"

namespace cg {

struct Context {
  const CommonOptions& options;
  Environment& env;
};

// Runs a parsed sub-command: its exit status, or an error.
using Command = std::function<Result<int>(Context&)>;
struct Registered {
  CLI::App* app;
  Command run;
};

Registered add_create_command(CLI::App& app, CommonOptions& options);
Registered add_build_command(CLI::App& app, CommonOptions& options);
// inject, replace, remove, mkdir, symlink, chmod, chown.
void add_edit_commands(CLI::App& app, std::vector<Registered>& commands);
Registered add_ls_command(CLI::App& app);
Registered add_cat_command(CLI::App& app);
Registered add_convert_command(CLI::App& app, CommonOptions& options);
Registered add_extract_command(CLI::App& app, CommonOptions& options);
Registered add_inspect_command(CLI::App& app);
Registered add_verify_command(CLI::App& app);
Registered add_diff_command(CLI::App& app);

// SOURCE_DATE_EPOCH; usage error when it is no number.
Result<std::optional<std::int64_t>> source_date_epoch(const Environment& env);

}  // namespace cg
