// What --help --format json prints: a tool's command line as a document (docs/command-line.schema.json). The
// manual pages and the shells' completions are made of it (lib/manual).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "base/environment.h"

namespace cg {

// Of the tool with all its commands, or with one of them alone.
std::string description(const Tool& tool, const Command* command, const Environment& env);

// For OptionTraits::known: names that speak for themselves, and those of the recipes of a kind
// (recipes/KIND/), which are none where the recipes are not found.
using KnownNames = std::function<std::vector<Named>(const Environment&)>;
KnownNames known_names(std::vector<std::string> names);
KnownNames known_recipes(std::string kind, std::vector<std::string> beside = {});
// For Tool::variables, of a tool that reads recipes.
Named data_variable();

}  // namespace cg
