// Child processes, started with an argument vector, never through a shell.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

struct ProcessOptions {
  std::filesystem::path directory;                   // working directory; empty: this process's
  std::map<std::string, std::string> set_variables;  // added to, or replacing, the inherited environment
  std::vector<std::string> unset_variables;
  std::filesystem::path log;                         // stdout and stderr go to this file instead of memory
  std::optional<std::chrono::milliseconds> timeout;  // SIGKILL to the child's process group when it is over
  std::string input;                                 // standard input; empty: /dev/null
  // Gets each piece of stdout and stderr as it comes; nothing is captured then. Not for use with `log`.
  std::function<void(std::string_view)> on_output;
};

struct ProcessResult {
  int status = 0;  // exit status, or 128 + signal
  bool timed_out = false;
  std::string out;  // captured when no log was given
  std::string err;
};

// Runs argv[0] (looked up on PATH) to its end. An error means that it could not be started; a child that
// fails is a result with a status.
Result<ProcessResult> run(const std::vector<std::string>& argv, const ProcessOptions& options = {});
// As run(), but a status other than 0 is an error that shows the command and the end of what it printed.
Result<std::string> run_checked(const std::vector<std::string>& argv, const ProcessOptions& options = {});
// The full path of `program` on PATH.
std::optional<std::filesystem::path> find_program(const std::string& program);
// The last `count` lines.
std::string last_lines(std::string_view text, std::size_t count);

}  // namespace cg
