// What the bytes of a criu tell of its version.
#pragma once

#include <string_view>
#include <vector>

#include "criu/version.h"

namespace cg {

// The CRIU versions whose number stands in a criu binary as a string of its own, oldest first.
std::vector<Version> versions_in(std::string_view binary);

}  // namespace cg
