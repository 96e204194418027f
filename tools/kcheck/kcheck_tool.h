// kcheck: will this CRIU run on this kernel, this configuration, this image, and if not, what is to be
// changed?
#pragma once

#include "base/environment.h"

namespace cg {

int kcheck_main(const Args& args, Environment& env);

}  // namespace cg
