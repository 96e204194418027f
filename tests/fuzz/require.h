// What must hold for every input; a fuzzer that finds one for which it does not stops there.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace cg::fuzz {

inline void require(bool holds, const char* otherwise) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", otherwise);
  std::abort();
}

}  // namespace cg::fuzz
