// guest-checkpoint: takes the checkpoint of a process tree, and brings it back.
#pragma once

#include "base/environment.h"

namespace cg {

int guest_checkpoint_main(const Args& args, Environment& env);

}  // namespace cg
