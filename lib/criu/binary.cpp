#include "criu/binary.h"

#include <fmt/format.h>

#include <chrono>

#include "base/process.h"
#include "base/text.h"

namespace cg {

RunCriu run_criu(const std::string& path) {
  return [path](const std::vector<std::string>& arguments) -> Result<CriuAnswer> {
    std::vector<std::string> argv{path};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    ProcessOptions options;
    options.timeout = std::chrono::seconds(10);
    CG_TRY(result, run(argv, options));
    if (result.timed_out) return cannot(fmt::format("{}: no answer within 10 s", join(argv, " ")));
    return CriuAnswer{result.status, result.out + result.err};
  };
}

Result<Version> ask_version(const RunCriu& criu, const std::string& path) {
  CG_TRY(answer, criu({"--version"}));
  for (const auto line : split_lines(answer.text)) {
    if (!line.starts_with("Version:")) continue;
    if (const auto version = leading_version(trim(line.substr(8)))) return *version;
  }
  return cannot(fmt::format("{} --version names no version; is it criu?", path));
}

}  // namespace cg
