// What a checkpoint's directory says of itself beside CRIU's images (guest-checkpoint.json): how it was
// taken, and what its restore needs.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "criu/version.h"
#include "tasks/preflight.h"

namespace cg::checkpoint {

struct Record {
  std::string target;     // "container web"
  std::string container;  // its id
  std::string bundle;
  std::string criu;        // a version
  std::string kernel;      // uname -r
  std::string created;     // UTC, as RFC 3339 has it
  int pid = 0;             // the root, as seen where it was dumped
  std::vector<int> tasks;  // all of them, likewise
  bool own_pids = false;   // the tree has a pid namespace of its own
  bool own_mounts = false;
  bool left_running = false;
  std::vector<std::string> restore;      // words of the restore beside the usual ones
  std::vector<std::string> environment;  // "CRIU_FAULT=130"
  // Pipes and the like that must be handed over: the key in "fd[N]:KEY", and the descriptor of the root task
  // that it is.
  std::map<std::string, int> descriptors;
};

inline constexpr const char* record_name = "guest-checkpoint.json";

Record make_record(const tree::Preflight& preflight, const Version& criu);
std::string to_json(const Record& record);
Result<Record> parse_record(const std::string& text, const std::string& name);
// nullopt: the directory has none; it is another program's checkpoint.
Result<std::optional<Record>> load_record(const std::filesystem::path& directory);

}  // namespace cg::checkpoint
