// What a tool sees of the world. A tool is `int x_main(args, Environment&)`, so a test runs it in process
// with streams and variables of its own.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cg {

using Args = std::vector<std::string>;  // without the program's name

struct Environment {
  std::ostream& out;  // results
  std::ostream& err;  // everything else
  std::istream& in;
  std::function<std::optional<std::string>(std::string_view)> variable;  // an environment variable
  bool out_is_terminal = false;
  bool err_is_terminal = false;
};

// The process's own streams and variables.
Environment process_environment();

// Where downloads and reusable builds live: `override` (CACHE=), else $CRIU_GUEST_CACHE, else
// $XDG_CACHE_HOME/criu-guest, else $HOME/.cache/criu-guest. Not created here.
std::filesystem::path cache_directory(const Environment& env, const std::string& override_path = {});

}  // namespace cg
