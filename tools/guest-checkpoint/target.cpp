#include "target.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "procfs/directory.h"
#include "procfs/scan.h"
#include "procfs/status.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Of the cgroup and of those below it.
std::vector<int> members_of(const fs::path& directory) {
  std::vector<int> pids;
  const auto add = [&](const fs::path& one) {
    const auto text = read_file(one / "cgroup.procs");
    if (!text) return;
    for (const auto line : split_lines(*text))
      if (const auto pid = procfs::to_number<int>(trim(line)); pid && *pid > 0) pids.push_back(*pid);
  };
  add(directory);
  std::error_code ended;
  for (fs::recursive_directory_iterator entries(directory, ended), end; !ended && entries != end;
       entries.increment(ended))
    if (entries->is_directory(ended) && !entries->is_symlink(ended)) add(entries->path());
  std::ranges::sort(pids);
  return pids;
}

int parent_of(int pid) {
  const auto proc = procfs::Directory::open("/proc");
  const auto text = proc ? proc->read_small(fmt::format("{}/stat", pid).c_str()) : std::unexpected(0);
  const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
  return stat ? stat->parent : 0;
}

Result<Target> find_cgroup(const std::string& words) {
  fs::path directory = words;
  std::error_code none;
  if (!fs::exists(directory / "cgroup.procs", none))
    for (const char* mountpoint : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"}) {
      const fs::path below = fs::path(mountpoint) / fs::path(words).relative_path();
      if (!fs::exists(below / "cgroup.procs", none)) continue;
      directory = below;
      break;
    }
  if (!fs::exists(directory / "cgroup.procs", none))
    return cannot(fmt::format("--cgroup {}: no cgroup of that name is mounted here", words));
  directory = fs::canonical(directory, none);
  CG_TRY(root, root_of(members_of(directory), parent_of, "--cgroup " + words));
  return Target{"cgroup " + directory.string(), root, directory.string(), {}, {}};
}

Result<Target> find_container(const TargetWords& words) {
  std::vector<std::string> runtimes{"runc", "crun", "youki"};
  if (!words.runtime.empty()) runtimes = {words.runtime};
  std::vector<std::string> said;
  for (const auto& runtime : runtimes) {
    if (!find_program(runtime)) {
      said.push_back(runtime + " is not on PATH");
      continue;
    }
    CG_TRY(answer, run({runtime, "state", words.container}, {.timeout = std::chrono::seconds(10)}));
    const Json state = Json::parse(answer.out, nullptr, false);
    if (answer.status != 0 || !state.is_object()) {
      said.push_back(fmt::format("{} state: {}", runtime, trim(answer.err)));
      continue;
    }
    const auto status = state.value("status", std::string());
    const int pid = state.contains("pid") && state["pid"].is_number_integer() ? state["pid"].get<int>() : 0;
    if (pid <= 0 || status == "stopped" || status == "created")
      return refused(
          fmt::format("container {}: {} says that it is {}; only a running or paused one can be dumped",
                      words.container, runtime, status.empty() ? "without a process" : status));
    Target target{"container " + words.container, pid, {}, {}, state.value("bundle", std::string())};
    const fs::path spec = fs::path(target.bundle) / "config.json";
    std::error_code none;
    if (!target.bundle.empty() && fs::exists(spec, none)) target.spec = spec.string();
    return target;
  }
  return cannot(
      fmt::format("container {}: no runtime here knows it ({}); name its program with --runtime, or "
                  "the process itself by its pid",
                  words.container, join(said, "; ")));
}

}  // namespace

Result<int> root_of(const std::vector<int>& pids, const std::function<int(int pid)>& parent,
                    const std::string& name) {
  std::vector<int> roots;
  for (const int pid : pids)
    if (!std::ranges::binary_search(pids, parent(pid))) roots.push_back(pid);
  if (roots.size() == 1) return roots.front();
  if (roots.empty()) return refused(name + ": no process is in it");
  std::vector<std::string> names;
  for (const int pid : roots) names.push_back(std::to_string(pid));
  return refused(
      fmt::format("{}: {} trees are in it, and a checkpoint is of one: give the root's pid (of {})", name,
                  roots.size(), join(names, ", ")));
}

Result<Target> find_target(const TargetWords& words) {
  const int given = (words.pid > 0) + !words.cgroup.empty() + !words.container.empty();
  if (given != 1)
    return usage_error(given == 0 ? "name what to dump: PID, --cgroup PATH or --container ID"
                                  : "only one of PID, --cgroup and --container can be given");
  if (!words.cgroup.empty()) return find_cgroup(words.cgroup);
  if (!words.container.empty()) return find_container(words);
  return Target{fmt::format("process {}", words.pid), words.pid, {}, {}, {}};
}

}  // namespace cg::checkpoint
