// What a failure without an error text shows: an empty log, the images that exist, states of processes,
// freezers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "criu/command.h"
#include "criu/log/log.h"
#include "explain/scene.h"

namespace cg {

struct Scene {
  std::optional<CriuLog> log;
  std::string log_name;
  std::string named_by;   // the log of another program that named this one
  std::string named_log;  // a log that this one names, and that is not here
  std::optional<ImagesSeen> images;
  std::optional<ProcessSeen> process;
  std::optional<CriuCommand> command;
};

// A sign's name as recipes/criu-log.toml has it, what fills the holes of its words, and what was seen.
struct Sign {
  std::string name;
  std::vector<std::string> holes;
  std::vector<std::string> evidence;
};

// In the order in which they are to be told. Empty: nothing that explains anything.
std::vector<Sign> read_signs(const Scene& scene);

// The log level that the command asks for: 2 without -v.
int log_level(const CriuCommand& command);

std::string describe(const TaskSeen& task);  // "state S, waits in do_wait"

}  // namespace cg
