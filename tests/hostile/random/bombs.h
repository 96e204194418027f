// One input for each bound of lib/base/limits.h, just over it or far over it.
#pragma once

#include <functional>
#include <vector>

#include "hostile/random/input.h"

namespace cg::hostile {

struct Bomb {
  const char* limit;  // its name there
  std::function<Input()> make;
};
const std::vector<Bomb>& bomb_makers();

}  // namespace cg::hostile
