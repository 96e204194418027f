// What `kcheck explain` can look at beside the log: the images that were written, the criu that still runs,
// the tasks it traces, and the freezers above them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

struct ImagesSeen {
  std::string directory;
  std::map<std::string, std::uint64_t> files;  // *.img, with their sizes
  std::string log;                             // a log found beside them

  bool has(const std::string& kind) const;  // "core": core-17.img
};

Result<ImagesSeen> look_at_images(const std::filesystem::path& directory);

// A cgroup that is frozen, or above a task's.
struct FrozenCgroup {
  std::string directory;
  int version = 2;
  std::string evidence;  // "cgroup.events: frozen 1"
};

struct TaskSeen {
  int pid = 0;
  std::string name;
  char state = '?';
  std::string wait_channel;
  int tracer = 0;
  std::optional<FrozenCgroup> frozen;
};

struct ProcessSeen {
  TaskSeen criu;
  std::vector<std::string> command;  // its command line
  std::string program;               // the file that runs
  std::vector<std::string> logs;     // the files *.log that it has open
  std::vector<TaskSeen> targets;     // the tasks it traces; else the one named by -t
};

// `root` is where /proc and /sys are: "/" but in tests. Refused when there is no such process.
Result<ProcessSeen> look_at_process(const std::filesystem::path& root, int criu_pid);

// One task alone: what -t names when no criu is left. nullopt: it is gone.
std::optional<TaskSeen> look_at_task(const std::filesystem::path& root, int pid);

}  // namespace cg
