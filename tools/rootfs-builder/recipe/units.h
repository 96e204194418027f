// systemd's units of an image, enabled, disabled and masked by the links that systemctl(1) would make, worked
// out from the files of the image.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "programs/root_tree.h"

namespace cg {

struct LinkChange {
  std::string path;
  std::string target;  // empty: the link goes
};

// Each returns only what is not so already, so nothing is left to do when a second call returns nothing.
// Refused: a unit that is not there (nearest names are suggested), has no [Install] section, or is masked.
Result<std::vector<LinkChange>> enable_unit(const RootTree& tree, const std::string& unit);
// Also the links of the units that its Also= names.
Result<std::vector<LinkChange>> disable_unit(const RootTree& tree, const std::string& unit);
// A unit that is not there may be masked, too. Refused when /etc has a file of its own for it.
Result<std::vector<LinkChange>> mask_unit(const RootTree& tree, const std::string& unit);

}  // namespace cg
