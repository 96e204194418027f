// A recipe with what the caller gives for it: all that a build does, step by step, before anything is done.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "recipe/recipe.h"

namespace cg {

struct PlanArguments {
  std::string recipe;            // a name, or a file
  std::vector<std::string> set;  // "NAME=PATH"
  std::string size;              // instead of the recipe's
  std::string recipes;           // the directory with the recipes, instead of this project's
  // required: a recipe's inputs must be given. as_found: what an image has of them counts as given.
  enum class Inputs { required, as_found } inputs = Inputs::required;
};

struct Plan {
  Recipe recipe;
  std::map<std::string, std::filesystem::path> inputs;  // given ones
  std::optional<std::filesystem::path> modules;         // where they come from
  bool wanted(const std::string& needs) const { return needs.empty() || inputs.contains(needs); }
};

Result<Plan> make_plan(const PlanArguments& arguments, const Environment& env);

// What is done, in order: for people, and as facts whose "do" says which others there are.
struct PlanStep {
  std::string text;
  nlohmann::ordered_json facts;
};
std::vector<PlanStep> steps(const Plan& plan);

}  // namespace cg
