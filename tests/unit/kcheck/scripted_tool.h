// kcheck run in process, with streams of the test's own.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "kcheck_tool.h"

namespace cg {

struct Outcome {
  int status;
  std::string out;
  std::string err;
};

inline Outcome run_kcheck(const Args& args, const std::string& input = "") {
  std::ostringstream out, err;
  std::istringstream in(input);
  Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
  const int status = kcheck_main(args, env);
  return {status, out.str(), err.str()};
}

}  // namespace cg
