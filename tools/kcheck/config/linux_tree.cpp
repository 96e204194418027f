#include "config/linux_tree.h"

#include "base/host.h"

namespace cg {

Result<kconfig::Tree> load_linux_tree(const std::string& directory, const std::string& architecture,
                                      const KernelConfig& config) {
  std::string name = architecture.empty() ? config.architecture : architecture;
  if (name.empty()) name = host_machine();
  return kconfig::load_tree(directory, {name});
}

}  // namespace cg
