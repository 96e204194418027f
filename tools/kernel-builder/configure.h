// Resolving a request: the kernel's own conf answers every question that the fragments leave open, with "no"
// (allnoconfig) or as a configuration of the user's does, and the gate compares what came out with what was
// asked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

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

// Writes <tree>/.config: the request over `base`, whose further questions conf answers by their defaults;
// over nullptr, where it answers them with "no". An unchanged one keeps its time, so that make rebuilds
// nothing.
Result<KernelConfig> resolve(const KernelMake& make, const KernelConfig& request, const KernelConfig* base,
                             const std::filesystem::path& log);

// What the base became: a line a symbol, "CONFIG_X: n -> y". First those that were asked for, then what
// follows from them or from another version of the kernel.
struct BaseChanges {
  std::vector<std::string> requested;
  std::vector<std::string> following;
};
BaseChanges changes_of(const KernelConfig& base, const KernelConfig& request, const KernelConfig& resolved);

// Refused, listing each symbol that did not get its value with the place that asked for it, the reason and
// what to set, unless every request is honoured. Without a tree (nullptr) the reasons are missing.
Result<void> gate(const KernelConfig& request, const KernelConfig& resolved, const kconfig::Tree* tree);

}  // namespace cg
