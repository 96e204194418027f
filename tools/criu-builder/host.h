// What this machine must have before CRIU can be built, checked before anything starts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

struct Host {
  std::string compiler;                           // first line of gcc --version
  std::string machine;                            // gcc -dumpmachine
  std::vector<std::filesystem::path> archives;    // the static libraries, libc.a last
  std::vector<std::filesystem::path> pkg_config;  // the .pc files CRIU's build may see
  bool ccache = false;
};

// Cannot, naming every missing thing and its Debian package, when CRIU cannot be built here.
Result<Host> inspect_host(const std::vector<std::string>& libraries);

}  // namespace cg
