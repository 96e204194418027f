// Trees by lot: a case for each seed, made of what a task can hold and where it can be started.
#pragma once

#include <cstdint>

#include "trial.h"

namespace cg::lab {

// The same case for the same seed.
Case random_case(std::uint64_t seed);

}  // namespace cg::lab
