// The processor that this program runs on, as far as CRIU compares it.
#pragma once

#include <optional>

#include "checkpoint/checkpoint.h"

namespace cg::restore {

// nullopt: of another architecture than x86, or without XSAVE.
std::optional<checkpoint::Processor> this_processor();

}  // namespace cg::restore
