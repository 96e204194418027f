// The CRIU programs that criu-builder has put into the cache, for tests that ask CRIU itself.
#pragma once

#include <filesystem>

#include "base/environment.h"
#include "criu/version.h"

namespace cg {

// Empty: this version has not been built here.
inline std::filesystem::path built_criu(const Version& version) {
  Environment env = process_environment();
  std::filesystem::path program;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(cache_directory(env) / "criu", none))
    if (const auto file = entry.path() / ("criu-" + version.text()); std::filesystem::exists(file))
      program = file;
  return program;
}

}  // namespace cg
