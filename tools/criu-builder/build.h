// Does what a plan says, step by step. The result appears in the cache as a whole or not at all: result.toml
// is written last.
#pragma once

#include <iosfwd>
#include <optional>

#include "plan.h"

namespace cg {

struct CriuResult {
  std::filesystem::path binary;  // stripped
  std::filesystem::path debug;
  std::string sha256;  // of the binary
  std::string debug_sha256;
  std::string build_id;
  std::string machine;
  std::uint64_t size = 0;  // bytes
  double seconds = 0;      // that the build took
};

struct BuildOutput {
  std::ostream* messages = nullptr;  // nullptr: quiet
  bool terminal = false;
  bool compiler_output = false;  // -v
};

// The result of an earlier build of the same plan, whole and unchanged.
std::optional<CriuResult> find_built(const CriuPlan& plan);

// unpack, edit, make, split, check. `archive` is the source tarball of the plan's hash.
Result<CriuResult> build_criu(const CriuPlan& plan, const std::filesystem::path& archive,
                              const BuildOutput& output);

// The gate before a binary is handed out; `machine` as gcc -dumpmachine says it. Refused, saying what is
// wrong. The program is only run where its machine is this one's.
Result<void> check_binary(const std::filesystem::path& binary, const std::string& version,
                          const std::string& machine);

}  // namespace cg
