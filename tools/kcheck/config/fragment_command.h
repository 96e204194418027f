// `kcheck fragment`: the fragment that makes a configuration ready for a CRIU version.
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "options.h"

namespace cg {

struct FragmentCommand {
  std::string config;        // what it will be laid over; empty: allnoconfig
  std::string tree;          // Linux sources: dependencies are searched there; empty: the matrix's own list
  std::string architecture;  // --arch; empty: the configuration's, else this machine's
  std::string kernel;        // --kernel; empty: the tree's or the configuration's
  std::vector<std::string> programs;  // --for: what they ask as well
};

// Prints it, or writes it where -o says. `--criu all` asks for every known version at once.
Result<int> write_fragment(const KcheckOptions& options, const FragmentCommand& command, const Matrix& matrix,
                           Environment& env);
Command fragment_command(const KcheckOptions& options);

}  // namespace cg
