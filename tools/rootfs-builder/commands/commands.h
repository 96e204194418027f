// The commands: each describes itself, and carries its options with it.
#pragma once

#include <vector>

#include "base/cli/command.h"

namespace cg {

// `common` is where those that write a file put -o.
Command create_command(CommonOptions& common);
Command build_command(CommonOptions& common);
Command list_command();  // the recipes of build
Command ls_command();
Command cat_command();
Command convert_command(CommonOptions& common);
Command extract_command(CommonOptions& common);
Command inspect_command();
Command verify_command();
Command diff_command();
// inject, replace, remove, mkdir, symlink, chmod, chown.
std::vector<Command> edit_commands();

// SOURCE_DATE_EPOCH; usage error when it is no number.
Result<std::optional<std::int64_t>> source_date_epoch(const Environment& env);

}  // namespace cg
