// guest-run: boots a kernel and an image in QEMU, runs one command in the guest, and makes the command's
// standard output, standard error and exit status its own.
#pragma once

#include "base/environment.h"

namespace cg {

int guest_run_main(const Args& args, Environment& env);

}  // namespace cg
