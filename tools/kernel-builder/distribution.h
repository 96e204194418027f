// A kernel that a distribution has built, taken out of its package: kernel, configuration and modules under
// the names that a kernel of ours has. Nothing is compiled, and the manifest says whose it is.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "manifest.h"
#include "plan.h"
#include "recipe.h"
#include "source/source.h"

namespace cg {

struct DistributionPlan {
  std::string recipe;
  Source package;  // which depends on the kernel's own
  Architecture architecture;
  std::string
      digest;  // of what the recipe says; the bytes are apt's to vouch for, and the manifest's to name
};

Result<DistributionPlan> plan_distribution(const KernelRecipe& recipe, const std::string& architecture);

// Asks apt, fetches, and fills the directory `kept`, which it makes anew: vmlinux, vmlinuz and config with
// the kernel's release behind, lib/modules/RELEASE with the indexes that a package leaves to the machine it
// is installed on, and kernel.json. Refused: a package without one of them.
Result<KernelManifest> take_distribution(const DistributionPlan& plan, const FetchOptions& options,
                                         const std::filesystem::path& kept);

}  // namespace cg
