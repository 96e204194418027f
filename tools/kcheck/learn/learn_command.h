// `kcheck learn CRIU`: what the data of this project lack about a CRIU, with rows to review.
#pragma once

#include "options.h"

namespace cg {

Command learn_command(KcheckOptions& options);

}  // namespace cg
