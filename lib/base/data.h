// Where the recipes and fragments are: the data that the tools share and a user may edit.
#pragma once

#include <filesystem>

#include "base/environment.h"
#include "base/result.h"

namespace cg {

// The first that exists: $CRIU_GUEST_DATA; the checkout this program was built from, when it is run out of
// its build directory; <prefix>/share/criu-guest beside the installed program. It holds recipes/ and
// kconfig/.
Result<std::filesystem::path> data_directory(const Environment& env);

// `name` is a path when it contains '/' or ends in ".toml"; else the recipe
// <data>/recipes/<kind>/<name>.toml. Usage error for an unknown name: it lists the known ones, nearest first.
// `directory` is looked into in place of <data>/recipes/<kind>, unless it is "".
Result<std::filesystem::path> find_recipe(const Environment& env, const std::string& kind,
                                          const std::string& name, const std::string& directory = {});
// The names of all recipes of a kind, sorted.
Result<std::vector<std::string>> recipe_names(const Environment& env, const std::string& kind,
                                              const std::string& directory = {});

}  // namespace cg
