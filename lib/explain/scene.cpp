#include "explain/scene.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "criu/command.h"
#include "procfs/cgroup.h"
#include "procfs/directory.h"
#include "procfs/freezer.h"
#include "procfs/status.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

std::optional<FrozenCgroup> find_frozen(const fs::path& root, const procfs::Directory& task,
                                        const std::vector<procfs::Mount>& mounts) {
  const auto text = task.read("cgroup");
  if (!text) return std::nullopt;
  const auto entries = procfs::parse_cgroup(*text);
  if (!entries) return std::nullopt;
  for (const auto& entry : *entries) {
    if (!entry.is_v2() && !entry.has("freezer")) continue;
    const std::string directory = procfs::cgroup_directory(entry, mounts);
    if (directory.empty()) continue;
    const bool v2 = entry.is_v2();
    const auto freezer = procfs::look_at_freezer(entry, root / directory.substr(1));
    if (const auto* level = freezer.nearest())
      return FrozenCgroup{level->directory, v2 ? 2 : 1,
                          v2 ? "cgroup.freeze is 1" : "freezer.self_freezing is 1"};
    if (freezer.frozen)  // by one above what is mounted here
      return FrozenCgroup{(root / directory.substr(1)).string(), v2 ? 2 : 1,
                          v2 ? "cgroup.events says frozen 1" : "freezer.state is not THAWED"};
  }
  return std::nullopt;
}

std::optional<TaskSeen> look_at(const fs::path& root, const procfs::Directory& proc, int pid) {
  const auto task = proc.open_below(std::to_string(pid).c_str());
  if (!task) return std::nullopt;
  const auto text = task->read("status");
  if (!text) return std::nullopt;
  const auto status = procfs::parse_status(*text);
  if (!status) return std::nullopt;
  TaskSeen seen;
  seen.pid = pid;
  seen.name = status->name;
  seen.state = status->state;
  seen.tracer = status->tracer;
  if (const auto channel = task->read("wchan")) seen.wait_channel = std::string(trim(*channel));
  if (seen.wait_channel == "0") seen.wait_channel.clear();
  std::vector<procfs::Mount> mounts;
  if (const auto info = proc.read("self/mountinfo"))
    mounts = procfs::parse_mountinfo(*info).value_or(std::vector<procfs::Mount>());
  seen.frozen = find_frozen(root, *task, mounts);
  return seen;
}

std::vector<std::string> command_line(const procfs::Directory& proc, int pid) {
  const auto text = proc.read((std::to_string(pid) + "/cmdline").c_str());
  if (!text || text->empty()) return {};
  std::string_view words = *text;
  if (words.ends_with('\0')) words.remove_suffix(1);
  return split(words, '\0');
}

std::vector<std::string> open_logs(const procfs::Directory& proc, int pid) {
  std::vector<std::string> logs;
  const auto descriptors = proc.open_below((std::to_string(pid) + "/fd").c_str());
  if (!descriptors) return logs;
  for (const int number : descriptors->numbers().value_or(std::vector<int>())) {
    const auto target = descriptors->link(std::to_string(number).c_str());
    if (target && (target->ends_with(".log") || target->ends_with(".log (deleted)"))) logs.push_back(*target);
    if (logs.size() == 4) break;
  }
  return logs;
}

}  // namespace

bool ImagesSeen::has(const std::string& kind) const {
  return std::ranges::any_of(files, [&](const auto& file) {
    return file.first == kind + ".img" || file.first.starts_with(kind + "-");
  });
}

Result<ImagesSeen> look_at_images(const fs::path& directory) {
  ImagesSeen seen;
  seen.directory = directory.string();
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error) return cannot(fmt::format("{}: {}", directory.string(), error.message()));
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    if (error) return cannot(fmt::format("{}: {}", directory.string(), error.message()));
    const std::string name = entries->path().filename().string();
    std::error_code ignored;
    if (name.ends_with(".img")) {
      const auto size = entries->file_size(ignored);
      seen.files.emplace(name, ignored ? 0 : size);
    }
    if (name.ends_with(".log") && entries->is_regular_file(ignored) && (seen.log.empty() || name < seen.log))
      seen.log = name;
  }
  return seen;
}

Result<ProcessSeen> look_at_process(const fs::path& root, int criu_pid) {
  const auto proc = procfs::Directory::open(root / "proc");
  if (!proc) return cannot_errno((root / "proc").string(), proc.error());
  const auto criu = look_at(root, *proc, criu_pid);
  if (!criu) return cannot(fmt::format("--pid {}: there is no such process", criu_pid));
  ProcessSeen seen;
  seen.criu = *criu;
  seen.command = command_line(*proc, criu_pid);
  seen.program = proc->link((std::to_string(criu_pid) + "/exe").c_str()).value_or("");
  seen.logs = open_logs(*proc, criu_pid);
  for (const int pid : proc->numbers().value_or(std::vector<int>())) {
    if (pid == criu_pid) continue;
    const auto text = proc->read((std::to_string(pid) + "/status").c_str());
    if (!text) continue;  // it ended meanwhile
    const auto status = procfs::parse_status(*text);
    if (!status || status->tracer != criu_pid) continue;
    if (auto task = look_at(root, *proc, pid)) seen.targets.push_back(std::move(*task));
    if (seen.targets.size() == 64) break;
  }
  return seen;
}

std::optional<TaskSeen> look_at_task(const fs::path& root, int pid) {
  const auto proc = procfs::Directory::open(root / "proc");
  return proc ? look_at(root, *proc, pid) : std::nullopt;
}

}  // namespace cg
