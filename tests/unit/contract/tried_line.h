// A line of a page or of a help text, tried as far as can be without a guest, a network and a container: its
// words must be ones that the tool takes. What it would build or freeze is only planned.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/text.h"
#include "temporary_directory.h"

namespace cg {

inline const std::vector<std::string> tool_names = {"kcheck",         "kernel-builder", "criu-builder",
                                                    "rootfs-builder", "guest-run",      "guest-checkpoint"};

inline void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

// "" when the line's words are right, else what was said of them.
inline std::string fault_of_line(std::string line) {
  const TemporaryDirectory directory;
  for (const char* folder : {"kconfig", "out"})  // where a line's own redirection goes
    std::filesystem::create_directories(directory.path() / folder);
  const std::string cache = (directory.path() / "cache").string();
  for (const auto& [call, more] : std::vector<std::pair<std::string, std::string>>{
           {"kernel-builder build ", "--dry-run "},
           {"kernel-builder install ", "--dry-run "},
           {"kernel-builder config ", "--offline --cache " + cache + " "},
           {"criu-builder build ", "--dry-run "},
           {"criu-builder fetch ", "--offline --cache " + cache + " "},
           {"rootfs-builder build ", "--dry-run "},
           {"guest-checkpoint dump ", "--dry-run "},
           {"guest-checkpoint restore ", "--dry-run "}})
    if (line.contains(call) && !line.contains(more)) replace_all(line, call, call + more);
  replace_all(line, " PID", " 999999999");
  // The process of the line before.
  if (line.contains("$!") && !line.contains('&')) line = "sleep 20 & " + line;
  const auto result = run({"sh", "-c",
                           "PATH=" + std::string(CG_BINARY_DIR) + "/bin:$PATH; " + line +
                               "\nstatus=$?; kill $! 2> /dev/null; exit $status"},
                          {.directory = directory.path(), .timeout = std::chrono::minutes(2)});
  if (!result) return result.error().message;
  const bool bad = result->timed_out || result->status == 2 || result->status == 126 || result->status == 127;
  return bad ? std::to_string(result->status) + ": " + result->out + result->err : "";
}

}  // namespace cg
