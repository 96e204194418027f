// A kernel recipe: which sources, which fragments in which order. Format: head of recipes/kernel/6.12.toml.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "kconfig/config.h"
#include "source/source.h"

namespace cg {

struct KernelRecipe {
  std::string name;
  std::vector<std::string> fragments;  // names, without ".conf"
  KernelConfig config;                 // what this kernel wants otherwise, laid over them
  SourceList sources;
  std::string text;  // of the file, for the digest
};

Result<KernelRecipe> load_kernel_recipe(const std::filesystem::path& path);

}  // namespace cg
