// A kernel recipe: which sources, which fragments in which order. Format: head of recipes/kernel/6.12.toml,
// and of debian.toml for one that a distribution has built.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "kconfig/config.h"
#include "source/source.h"

namespace cg {

// A kernel that a distribution has built, instead of sources and fragments: the package, one a machine, that
// always depends on the newest one.
struct KernelPackage {
  std::string architecture;  // x86_64
  Source package;            // debian_package
};

struct KernelRecipe {
  std::string name;
  std::vector<std::string> fragments;  // names, without ".conf"
  KernelConfig config;                 // what this kernel wants otherwise, laid over them
  SourceList sources;
  std::vector<KernelPackage> packages;  // not empty: nothing is compiled, and the three above are empty
  std::string text;                     // of the file, for the digest
};

Result<KernelRecipe> load_kernel_recipe(const std::filesystem::path& path);

// Of a recipe with packages: the one for that machine. Usage error when it has none.
Result<Source> package_for(const KernelRecipe& recipe, const std::string& architecture);

}  // namespace cg
