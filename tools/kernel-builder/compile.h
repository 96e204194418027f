// The long step: make, with its log in a file and its progress in lines.
#pragma once

#include <filesystem>
#include <iosfwd>

#include "base/result.h"
#include "configure.h"

namespace cg {

struct CompileOptions {
  std::string image_target;  // bzImage
  unsigned jobs = 2;
  std::filesystem::path log;
  std::ostream* progress = nullptr;  // nullptr: silent
  bool terminal = false;             // one line rewritten each second, instead of a line each half minute
};

// Seconds that it took.
Result<double> compile(const KernelMake& make, const CompileOptions& options);

}  // namespace cg
