// `--criu-binary PATH`: asks a criu itself what it finds here, and sets its answers beside the probes'.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "criu/judge.h"
#include "criu/options.h"

namespace cg {

struct CriuBinary {
  std::string path;
  Version version;
};

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

// One finding a disagreement: `check --feature` against the probe of the same question, and the options of
// `--help` against the table. And one that says how many answers were compared.
Result<std::vector<Finding>> compare_with_binary(const RunCriu& criu, const CriuBinary& binary,
                                                 const std::function<ProbeResult(std::string_view)>& probe,
                                                 const OptionTable& table);

}  // namespace cg
