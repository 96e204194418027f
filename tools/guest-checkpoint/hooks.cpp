#include "hooks.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "base/process.h"
#include "base/text.h"

namespace cg::checkpoint {

std::map<std::string, std::string> hook_environment(const HookScene& scene) {
  return {{"GUEST_CHECKPOINT_ACTION", scene.action},
          {"GUEST_CHECKPOINT_MOMENT", scene.moment},
          {"GUEST_CHECKPOINT_DIR", scene.directory},
          {"GUEST_CHECKPOINT_TARGET", scene.target},
          {"GUEST_CHECKPOINT_PID", scene.pid > 0 ? std::to_string(scene.pid) : ""},
          {"GUEST_CHECKPOINT_RESULT", scene.result}};
}

Result<void> run_hook(const std::string& command, const HookScene& scene) {
  if (command.empty()) return {};
  std::vector<std::string> words;
  for (auto& word : split(command, ' '))
    if (!word.empty()) words.push_back(std::move(word));
  if (words.empty()) return {};
  ProcessOptions options;
  options.set_variables = hook_environment(scene);
  options.timeout = std::chrono::minutes(10);
  CG_TRY(result, run(words, options));
  if (result.status == 0 && !result.timed_out) return {};
  const std::string said = last_lines(result.err.empty() ? result.out : result.err, 5);
  return refused(fmt::format(
      "--{} {}: {}{}{}", scene.moment, command,
      result.timed_out ? "no end within 10 minutes" : fmt::format("exit status {}", result.status),
      said.empty() ? "" : ": ", trim(said)));
}

}  // namespace cg::checkpoint
