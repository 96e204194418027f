// The kernel's own conf, run on a request: it decides, we explain.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "kconfig/config.h"

namespace cg {

struct ResolveOptions {
  std::filesystem::path tree;
  std::string architecture;  // as in SRCARCH: the folder below arch/
  std::string version;       // of the tree; for the header
  std::string arch = {};  // ARCH; empty: the folder. Over allnoconfig x86 is a 32-bit kernel, x86_64 is none
};

// `base` nullptr: allnoconfig; what the request leaves open is n. Else what it leaves open is as in `base`,
// and new questions get their defaults. Runs the tree's compiled scripts/kconfig/conf, or lets make compile
// it in a directory of its own, which needs a clean tree. Nothing in the tree is changed.
Result<KernelConfig> resolve_by_conf(const ResolveOptions& options, const KernelConfig& request,
                                     const KernelConfig* base);

}  // namespace cg
