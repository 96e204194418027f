// From a recipe and a machine to what will be done, as plain data: --dry-run prints it, build.h does it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "host.h"
#include "recipe.h"

namespace cg {

struct CriuPlan {
  CriuRecipe recipe;
  Host host;
  std::string source_sha256;
  std::string digest;  // of all that the result depends on
  std::filesystem::path
      directory;               // <cache>/criu/<version>-<digest>: the result, and the work while it lasts
  std::filesystem::path tree;  // the unpacked source
  std::filesystem::path log;
  std::vector<std::string> make;
  std::map<std::string, std::string> variables;
  std::vector<std::string> unset_variables;

  const std::string& version() const { return recipe.source.version; }
  std::string binary_name() const { return "criu-" + version(); }
  std::string debug_name() const { return "criu-" + version() + ".debug"; }
};

Result<CriuPlan> make_plan(const CriuRecipe& recipe, const Host& host, const std::string& source_sha256,
                           const std::filesystem::path& cache, unsigned jobs);

std::string plan_text(const CriuPlan& plan, const std::filesystem::path& destination);

}  // namespace cg
