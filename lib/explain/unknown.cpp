#include "explain/unknown.h"

#include <fmt/format.h>

#include "base/text.h"
#include "criu/versions.h"

namespace cg {
namespace {

// Debug lines have a time, and say what is done next; without -v there are neither.
bool is_verbose(const CriuLog& log) {
  return !log.criu_version.empty();
}

const std::string again = "run it again with -v4 -o dump.log and read the lines above its first error";

}  // namespace

std::vector<std::string> next_steps(const CriuLog& log, const LogLine& line,
                                    const std::optional<Version>& version) {
  std::vector<std::string> steps;
  const std::string_view end = trim(line.text);
  if (end.ends_with("Permission denied") || end.ends_with("Operation not permitted"))
    steps.push_back(
        "dmesg and the audit log of that moment (ausearch -m avc,apparmor -ts recent) name what a security "
        "module denied; else it is a capability or a seccomp filter of criu itself");
  if (end.ends_with("No space left on device")) steps.push_back("df and df -i where that file is");
  if (end.ends_with("Cannot allocate memory"))
    steps.push_back("dmesg, and memory.max and memory.events of criu's own cgroup");
  if (log.criu_lines > 0 && !is_verbose(log)) steps.push_back(again);
  const Version newest = criu_versions().all.back();
  if (version && *version < newest)
    steps.push_back(fmt::format("try CRIU {}: this is {}", newest.text(), version->text()));
  return steps;
}

std::vector<std::string> setting_of(const LogLine& line) {
  std::vector<std::string> notes;
  if (!line.task.empty()) notes.push_back(fmt::format("at that time criu was at work on task {}", line.task));
  if (!line.before.empty()) notes.push_back("log above it: " + line.before);
  return notes;
}

Finding unknown_error(const Knowledge& knowledge, const CriuLog& log, const LogLine& line,
                      const std::optional<Version>& version) {
  Finding finding;
  finding.id = "unknown";
  finding.title = "An error that is not known here";
  finding.verdict = Verdict::fail;
  finding.required = true;
  finding.severity = "unknown";
  auto steps = next_steps(log, line, version);
  if (steps.empty()) steps.push_back("read the lines above it: the last of them says what criu was doing");
  steps.push_back(
      "ask the CRIU project with the whole log (-v4), uname -a and the output of criu check --all");
  finding.fix = join(steps, "\n");
  finding.notes = setting_of(line);
  for (const auto& text : nearest_texts(knowledge, line.text))
    finding.notes.push_back("nearest known: " + text);
  return finding;
}

Finding only_the_end(const CriuLog& log) {
  Finding finding;
  finding.id = "unknown";
  finding.title = "Only the end of the log is here";
  finding.verdict = Verdict::fail;
  finding.required = true;
  finding.severity = "unknown";
  finding.fix = "give the whole log: the first Error in it is the one that counts";
  if (!is_verbose(log)) finding.fix += "\n" + again;
  return finding;
}

}  // namespace cg
