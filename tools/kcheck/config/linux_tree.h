// The Kconfig files of a Linux source tree, for the architecture that a configuration is for.
#pragma once

#include <string>

#include "kconfig/tree.h"

namespace cg {

// `architecture` as given by --arch; empty: the configuration's header, else this machine's.
Result<kconfig::Tree> load_linux_tree(const std::string& directory, const std::string& architecture,
                                      const KernelConfig& config);

}  // namespace cg
