// What the guest tests call: the built programs, as a user would, out of this checkout.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/process.h"

namespace cg {

inline const std::filesystem::path checkout = CG_SOURCE_DIR;
inline const std::string programs = std::string(CG_BINARY_DIR) + "/bin/";

// A program that could not be started is status 255 with the reason in `err`.
inline ProcessResult call(const std::vector<std::string>& argv) {
  auto result = run(argv, {.timeout = std::chrono::minutes(40)});
  if (!result) return {.status = 255, .err = result.error().message};
  return std::move(*result);
}

}  // namespace cg
