#include "explain/signs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace cg {
namespace {

constexpr int first_talkative_level = 3;  // from here on the version is written at once

// How far a dump came, from the images that it writes as it goes (v4.2:criu/cr-dump.c, dump_one_task).
enum class Progress { unknown, none, before_infection, in_tasks, all };

Progress progress_of(const ImagesSeen& images) {
  if (images.files.empty()) return Progress::none;
  if (images.has("inventory") && images.has("pstree")) return Progress::all;
  if (images.has("core") || images.has("ids") || images.has("mm") || images.has("fdinfo") ||
      images.has("pagemap"))
    return Progress::in_tasks;
  if (images.has("files") || images.has("seccomp")) return Progress::before_infection;
  return Progress::unknown;
}

std::string list_images(const ImagesSeen& images) {
  std::vector<std::string> names;
  for (const auto& [name, size] : images.files) {
    if (names.size() == 6) {
      names.push_back(fmt::format("and {} more", images.files.size() - 6));
      break;
    }
    names.push_back(fmt::format("{} ({} bytes)", name, size));
  }
  return names.empty() ? "no image" : "only " + join(names, ", ");
}

std::string name_of(const TaskSeen& task) {
  return fmt::format("{} ({})", task.pid, task.name);
}

// What the processes show. Frozen before disk sleep: a frozen task of cgroup v1 is in state D as well.
void read_process(const ProcessSeen& process, std::vector<Sign>& signs) {
  std::vector<std::string> evidence = {
      fmt::format("criu {}: {}", name_of(process.criu), describe(process.criu))};
  for (const auto& task : process.targets) {
    if (evidence.size() == 5) break;
    evidence.push_back(fmt::format("task {}: {}, traced by {}", name_of(task), describe(task), task.tracer));
  }
  const auto frozen =
      std::ranges::find_if(process.targets, [](const TaskSeen& task) { return task.frozen.has_value(); });
  if (frozen != process.targets.end()) {
    evidence.push_back(fmt::format("{}: {}", frozen->frozen->directory, frozen->frozen->evidence));
    signs.push_back(
        {frozen->frozen->version == 2 ? "frozen-v2" : "frozen-v1", {frozen->frozen->directory}, evidence});
  }
  if (process.criu.frozen)
    signs.push_back({"criu-frozen",
                     {process.criu.frozen->directory},
                     {fmt::format("{}: {}", process.criu.frozen->directory, process.criu.frozen->evidence)}});
  if (!signs.empty()) return;
  if (process.criu.state == 'D')
    signs.push_back(
        {"criu-disk-sleep", {process.criu.wait_channel, std::to_string(process.criu.pid)}, evidence});
  for (const auto& task : process.targets) {
    if (task.tracer != 0 && task.tracer != process.criu.pid)
      signs.push_back({"other-tracer", {std::to_string(task.tracer), std::to_string(task.pid)}, evidence});
    else if (task.state == 'D')
      signs.push_back({"task-disk-sleep", {task.wait_channel, std::to_string(task.pid)}, evidence});
    if (!signs.empty()) return;
  }
  if (signs.empty())
    signs.push_back({"waiting",
                     {process.criu.wait_channel.empty() ? "state " + std::string(1, process.criu.state)
                                                        : process.criu.wait_channel,
                      std::to_string(process.criu.pid)},
                     evidence});
}

void read_images(const Scene& scene, std::vector<Sign>& signs) {
  if (!scene.images) return;
  const std::string seen = fmt::format("{}: {}", scene.images->directory, list_images(*scene.images));
  switch (progress_of(*scene.images)) {
    case Progress::before_infection:
      return signs.push_back({"stopped-at-infection", {}, {seen}});
    case Progress::all:
      return signs.push_back({"stopped-at-end", {}, {seen}});
    case Progress::none:
      return signs.push_back({"stopped-early", {}, {seen}});
    case Progress::unknown:
    case Progress::in_tasks:
      return;
  }
}

const LogLine* last_line(const CriuLog& log) {
  if (!log.tail.empty()) return &log.tail.back();
  return log.head.empty() ? nullptr : &log.head.back();
}

void read_log(const Scene& scene, std::vector<Sign>& signs) {
  if (!scene.log) {
    if (signs.empty()) signs.push_back({"no-log", {}, {}});
    return;
  }
  if (scene.log->empty()) {
    const std::string seen = fmt::format("{}: 0 bytes", scene.log_name);
    const int level = scene.command ? log_level(*scene.command) : 0;
    if (level >= first_talkative_level)
      signs.insert(signs.begin(), {"empty-log-verbose", {std::to_string(level)}, {seen}});
    else
      signs.push_back({"empty-log-quiet", {}, {seen}});
    return;
  }
  const LogLine* last = last_line(*scene.log);
  if (scene.log->criu_lines == 0 || !last) return;
  const std::string seen = fmt::format("{}:{}: {}", scene.log_name, last->number, last->text);
  const bool infecting = last->text.contains("Parasite syscall_ip at") ||
                         last->text.contains("Putting parasite blob") || last->text.contains("Putting tsock");
  const bool explained = std::ranges::any_of(signs, [](const Sign& sign) {
    return sign.name == "frozen-v2" || sign.name == "stopped-at-infection";
  });
  if (infecting && explained)
    signs[0].evidence.push_back("the log ends where criu's code is to run in the task: " + seen);
  else if (infecting)
    signs.insert(signs.begin(), {"stopped-at-infection", {}, {seen}});
  else if (!explained)
    signs.push_back({"log-breaks-off", {last->text}, {seen}});
}

}  // namespace

std::string describe(const TaskSeen& task) {
  std::string text = fmt::format("state {}", task.state);
  if (!task.wait_channel.empty()) text += ", waits in " + task.wait_channel;
  return text;
}

int log_level(const CriuCommand& command) {
  int level = 2;
  for (const auto& option : command.options) {
    if (option.name != "verbosity") continue;
    if (!option.value) {
      ++level;
    } else if (option.value->starts_with('v')) {
      level += static_cast<int>(std::min(option.value->size(), std::size_t{8})) + 1;
    } else {
      level = 0;
      std::from_chars(option.value->data(), option.value->data() + option.value->size(), level);
    }
  }
  return level;
}

std::vector<Sign> read_signs(const Scene& scene) {
  std::vector<Sign> signs;
  if (scene.process) read_process(*scene.process, signs);
  const bool nothing = signs.empty() || signs[0].name == "waiting";
  if (nothing) {
    std::vector<Sign> seen;
    read_images(scene, seen);
    signs.insert(signs.begin(), seen.begin(), seen.end());
  } else if (scene.images) {
    signs[0].evidence.push_back(fmt::format("{}: {}", scene.images->directory, list_images(*scene.images)));
  }
  read_log(scene, signs);
  return signs;
}

}  // namespace cg
