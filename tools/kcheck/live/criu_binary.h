// `--criu-binary PATH`: asks a criu itself what it finds here, and sets its answers beside the probes'.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "criu/binary.h"
#include "criu/judge.h"
#include "criu/options.h"

namespace cg {

struct CriuBinary {
  std::string path;
  Version version;
};

// One finding a disagreement: `check --feature` against the probe of the same question, and the options of
// `--help` against the table. And one that says how many answers were compared.
Result<std::vector<Finding>> compare_with_binary(const RunCriu& criu, const CriuBinary& binary,
                                                 const std::function<ProbeResult(std::string_view)>& probe,
                                                 const OptionTable& table);

}  // namespace cg
