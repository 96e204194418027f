// The process that serves guest-run's requests while the guest's init runs.
#pragma once

#include "port.h"
#include "system.h"

namespace cg::guest {

enum class InitKind { image, bare };

// Waits until the guest is up, then serves until the machine is switched off.
[[noreturn]] void serve(const Config& config, InitKind init, Port& port);

}  // namespace cg::guest
