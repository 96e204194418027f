// The options of a `criu restore` that decide what it refuses, as CRIU reads them.
#pragma once

#include <map>
#include <set>
#include <string>

#include "criu/command.h"

namespace cg::restore {

struct Options {
  bool shell_job = false;
  bool tcp_established = false;
  bool tcp_close = false;
  bool unix_sockets = false;
  bool skip_permissions = false;
  bool uprobes = false;
  bool automatic_mounts = false;
  bool by_build_id = true;                    // --file-validation
  std::string root;                           // --root
  std::string images;                         // --images-dir
  std::string cgroups;                        // --manage-cgroups; "": not given, or without a mode
  bool moves_cgroups = false;                 // --cgroup-root
  std::map<std::string, std::string> mounts;  // sources by the keys of --external mnt[KEY]:SOURCE
  std::set<std::string> inherited;            // keys of --inherit-fd fd[N]:KEY
  std::set<std::string> joined;               // kinds of --join-ns
  // What --cpu-cap asks to be compared; nothing without it.
  bool compares_processor = false, compares_state = false, compares_instructions = false;

  Options() = default;
  explicit Options(const CriuCommand& command);
};

}  // namespace cg::restore
