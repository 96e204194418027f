// When an image that runs its own init is up.
#pragma once

#include <string>

#include "port.h"
#include "system.h"

namespace cg::guest {

// Waits as the configuration says: auto waits for systemd's default target when systemd runs, else for the
// file /run/guest-ready, which the init of our images writes. Returns an empty string, or what was waited for
// in vain.
std::string wait_until_ready(const Config& config, Port& port);

}  // namespace cg::guest
