// How a tool's command line is read and its command run.
#pragma once

#include <functional>
#include <string>

#include "base/cli/command.h"
#include "base/environment.h"
#include "base/result.h"

namespace cg {

// Reads the command line, runs the command that it names, and says on env.err what went wrong. The exit
// status: 0 after --help and --version; 2 after a message that names what is wrong and the nearest known
// word; else that of the command or of its error, which --format json writes as one line of JSON
// (docs/error.schema.json).
int run_commands(const Tool& tool, const Args& args, Environment& env);

// To `file`, the value of an -o; to standard output when that is "" or "-".
Result<void> write_output(const std::string& text, const std::string& file, Environment& env);

bool use_color(const CommonOptions& options, const Environment& env);

// Prints "tool: message" to env.err and returns the error's exit status.
int report_error(const Error& error, const std::string& tool, Environment& env);

// Runs `main` with the process's environment; the one place where exceptions of the tools end (status 3).
int run_tool(int argc, char** argv, const std::function<int(const Args&, Environment&)>& tool_main);

}  // namespace cg
