// Resolving a request: the kernel's own conf answers every question that the fragments leave open with "no"
// (allnoconfig), and the gate compares what came out with what was asked for.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "kconfig/config.h"
#include "kconfig/tree.h"
#include "plan.h"

namespace cg {

// The variables and arguments that every call of the kernel's make gets.
struct KernelMake {
  std::filesystem::path tree;
  std::string architecture;   // ARCH=
  std::string cross_compile;  // CROSS_COMPILE=, empty on the architecture itself
  std::filesystem::path cache;
  std::string epoch;  // SOURCE_DATE_EPOCH, seconds
};
// Runs make in the tree. stdout and stderr go to `log`.
Result<void> run_make(const KernelMake& make, const std::vector<std::string>& arguments,
                      const std::filesystem::path& log);

// Writes <tree>/.config. An unchanged one keeps its time, so that make rebuilds nothing.
Result<KernelConfig> resolve(const KernelMake& make, const KernelConfig& request,
                             const std::filesystem::path& log);

// Refused, listing each symbol that did not get its value with the place that asked for it, the reason and
// what to set, unless every request is honoured. Without a tree (nullptr) the reasons are missing.
Result<void> gate(const KernelConfig& request, const KernelConfig& resolved, const kconfig::Tree* tree);

}  // namespace cg
