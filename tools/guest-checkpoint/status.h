// `guest-checkpoint status DIR`: what lies there, and in which state.
#pragma once

#include "base/cli/command.h"

namespace cg::checkpoint {

Command status_command();

}  // namespace cg::checkpoint
