// A criu that is asked something: what it prints, and the version it says it is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "criu/version.h"

namespace cg {

// Runs a criu with these arguments and returns what it printed, both streams, and its status; a test scripts
// it.
struct CriuAnswer {
  int status = 0;
  std::string text;
};
using RunCriu = std::function<Result<CriuAnswer>(const std::vector<std::string>& arguments)>;
RunCriu run_criu(const std::string& path);

// `criu --version`. Cannot: it does not run, or names no version.
Result<Version> ask_version(const RunCriu& criu, const std::string& path);

}  // namespace cg
