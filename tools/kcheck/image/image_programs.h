// What the bytes of a criu and of a kernel tell of their versions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "criu/version.h"

namespace cg {

// The CRIU versions whose number stands in a criu binary as a string of its own, oldest first.
std::vector<Version> versions_in(std::string_view binary);

// Linux's release as a kernel image tells it: a bzImage's header, or the banner in a vmlinux. "" when it does
// not.
std::string kernel_release_of(std::string_view bytes);

}  // namespace cg
