// Requests that the kernel's conf did not honour, each with the reason.
#pragma once

#include <string>
#include <vector>

#include "kconfig/explain.h"

namespace cg::kconfig {

struct UnmetRequest {
  Mismatch mismatch;
  Explanation explanation;  // its summary is never empty
};

// In the order of the fragments. Without a tree (nullptr) the reasons say only what the configuration has.
std::vector<UnmetRequest> find_unmet_requests(const KernelConfig& requested, const KernelConfig& resolved,
                                              const Tree* tree);

// "CONFIG_X=y (extra.conf:3): depends on ...", the chain and the remedy below it, indented by two blanks.
std::string to_text(const UnmetRequest& stuck);

}  // namespace cg::kconfig
