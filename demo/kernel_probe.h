// What only the running kernel can say, because stable kernels took both the change and its reversal.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace cg::demo {

// May a privileged process change the propagation of a mount that is in another mount namespace than its own?
// Always, before Linux commit 12f147ddd6de (6.16, and stable kernels from mid-2025 on); not with it; again
// since it was relaxed (6.17, and stable kernels after that), as long as the mount is attached somewhere.
enum class PropagationRule { any_namespace, own_namespace_only };

// Tries it on a tmpfs mounted on `scratch`, an empty directory.
Result<PropagationRule> probe_propagation(const std::filesystem::path& scratch);

}  // namespace cg::demo
