// criu-builder: recipe -> static CRIU.
#pragma once

#include "base/environment.h"

namespace cg {

int criu_builder_main(const Args& args, Environment& env);

}  // namespace cg
