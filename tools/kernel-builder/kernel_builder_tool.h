// kernel-builder: fragments -> resolved .config -> gate -> kernel.
#pragma once

#include "base/environment.h"

namespace cg {

int kernel_builder_main(const Args& args, Environment& env);

}  // namespace cg
