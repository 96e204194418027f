// One program under the limits that no input may make it break: time, memory, what it writes.
#pragma once

#include <string>
#include <vector>

#include "base/process.h"

namespace cg::random_input {

inline constexpr int most_seconds = 10;  // of one core
inline constexpr int most_megabytes = 512;

// `why_not` is empty when the program ended of itself, with a documented status and a clear word.
struct Ended {
  ProcessResult result;
  std::string why_not;
};

Ended run_limited(const std::vector<std::string>& argv);

}  // namespace cg::random_input
