#include "live/criu_binary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.h"

namespace cg {
namespace {

using Status = ProbeResult::Status;

// The names of `criu check --feature` (v4.2:criu/cr-check.c) and of the probes that ask the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 25> features{{
    {"mnt_id", "fdinfo-mount-id"},
    {"mem_dirty_track", "soft-dirty"},
    {"aio_remap", "aio"},
    {"timerfd", "timerfd"},
    {"tun", "tun"},
    {"userns", "user-namespace"},
    {"fdinfo_lock", "fdinfo-lock"},
    {"seccomp_suspend", "seccomp-suspend"},
    {"seccomp_filters", "seccomp-get-filter"},
    {"loginuid", "loginuid"},
    {"cgroupns", "cgroup-namespace"},
    {"uffd", "userfaultfd"},
    {"sk_ns", "socket-netns"},
    {"sk_unix_file", "unix-file"},
    {"nsid", "nsid"},
    {"kcmp_epoll", "kcmp-epoll"},
    {"timens", "time-namespace"},
    {"clone3_set_tid", "clone3-set-tid"},
    {"pidfd_store", "pidfd"},
    {"memfd_hugetlb", "memfd-hugetlb"},
    {"move_mount_set_group", "move-mount-set-group"},
    {"openat2", "openat2"},
    {"ipv6_freebind", "ipv6-freebind"},
    {"sockopt_buf_lock", "buf-lock"},
    {"breakpoints", "hardware-breakpoint"},
}};

// "  --[no-]tcp-close", "  -t|--tree PID": the long names in a help text.
std::set<std::string> options_in(std::string_view help) {
  std::set<std::string> names;
  for (std::size_t at = help.find("--"); at != std::string_view::npos; at = help.find("--", at + 2)) {
    std::string_view rest = help.substr(at + 2);
    // An option begins a word; what stands in the middle of one is a dash of prose.
    if (at > 0 && std::string_view(" |(\t\n\"'").find(help[at - 1]) == std::string_view::npos) continue;
    if (rest.starts_with("[no-]")) rest.remove_prefix(5);
    const std::size_t end = rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-");
    std::string name(rest.substr(0, end));
    while (name.ends_with('-')) name.pop_back();
    // "--no-<OPTION>" explains a form.
    if (name.size() > 1 && name != "no") names.insert(std::move(name));
  }
  return names;
}

Finding disagreement(const std::string& id, std::string title, std::string seen, std::string fix) {
  Finding finding;
  finding.id = "criu-binary." + id;
  finding.title = std::move(title);
  finding.verdict = Verdict::warn;
  finding.severity = "better-off";
  finding.seen = std::move(seen);
  finding.fix = std::move(fix);
  return finding;
}

}  // namespace

Result<std::vector<Finding>> compare_with_binary(const RunCriu& criu, const CriuBinary& binary,
                                                 const std::function<ProbeResult(std::string_view)>& probe,
                                                 const OptionTable& table) {
  std::vector<Finding> findings;
  std::size_t compared = 0;
  for (const auto& [feature, name] : features) {
    CG_TRY(answer, criu({"check", "--feature", std::string(feature)}));
    if (answer.text.contains("Unknown feature")) continue;
    if (answer.text.contains("Could not initialize kernel features detection")) {
      Finding finding =
          disagreement("no-start", "this criu does not start here",
                       std::string(trim(answer.text)).substr(0, 300), "the rows of severity startup say why");
      finding.breaks = "every command of it ends with that";
      findings.push_back(std::move(finding));
      break;
    }
    const ProbeResult ours = probe(name);
    if (ours.status != Status::pass && ours.status != Status::fail) continue;
    ++compared;
    const bool theirs = answer.status == 0;
    if (theirs == (ours.status == Status::pass)) continue;
    findings.push_back(disagreement("feature-" + std::string(feature),
                                    fmt::format("criu and kcheck disagree about {}", feature),
                                    fmt::format("`criu check --feature {}` says {}; the probe {}: {}",
                                                feature, theirs ? "yes" : "no", name, ours.detail),
                                    "criu's answer is about what this binary was built with as well; `criu "
                                    "check --feature` with -v4 says more"));
  }
  CG_TRY(help, criu({"--help"}));
  const auto theirs = options_in(help.text);
  for (const auto& name : theirs) {
    const bool is_negated = name.starts_with("no-") && table.find(name.substr(3));
    const CriuOption* known = table.find(is_negated ? name.substr(3) : name);
    ++compared;
    if (known && known->criu.contains(binary.version)) continue;
    findings.push_back(disagreement("option-" + name,
                                    fmt::format("criu has an option --{} that kcheck does not expect", name),
                                    fmt::format("`criu --help` of {} names it", binary.version.text()),
                                    "the binary is of another version than it says, or it is patched"));
  }
  Finding summary;
  summary.id = "criu-binary.compared";
  summary.title = "the binary's answers and kcheck's";
  summary.severity = "better-off";
  summary.seen = fmt::format("{}, CRIU {}: {} answers compared, {} differ", binary.path,
                             binary.version.text(), compared, findings.size());
  findings.insert(findings.begin(), std::move(summary));
  return findings;
}

}  // namespace cg
