// What every tool's command line has in common, on top of CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"

namespace cg {

struct CommonOptions {
  std::string format = "text";
  std::string output;  // -o; empty: standard output
  std::string color = "auto";
  bool quiet = false;
  int verbose = 0;
  std::string cache;  // --cache
};

// Adds --format, --color, -q, -v, --cache and --version to a tool's app. Sub-commands inherit them: they may
// stand before or after the sub-command's name. `-o` is left to the sub-commands that write something.
void add_common_options(CLI::App& app, CommonOptions& options,
                        const std::vector<std::string>& formats = {"text", "json"});

// nullopt: parsed, go on. Otherwise the exit status: 0 after --help and --version, 2 after a message on
// env.err that says what is wrong and names the nearest known word.
std::optional<int> parse_command_line(CLI::App& app, const Args& args, Environment& env);

bool use_color(const CommonOptions& options, const Environment& env);

// Prints "tool: message" to env.err and returns the error's exit status.
int report_error(const Error& error, const std::string& tool, Environment& env);

// Runs `main` with the process's environment; the one place where exceptions of the tools end (status 3).
int run_tool(int argc, char** argv, const std::function<int(const Args&, Environment&)>& tool_main);

}  // namespace cg
