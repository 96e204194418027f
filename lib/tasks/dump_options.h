// The options of a `criu dump` that decide what it refuses, as CRIU reads them.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "criu/command.h"

namespace cg::tree {

struct DumpOptions {
  bool shell_job = false;
  bool file_locks = false;
  bool tcp_established = false;
  bool tcp_close = false;
  bool skip_in_flight = false;
  bool link_remap = false;
  bool evasive_devices = false;
  bool force_irmap = false;
  bool allow_uprobes = false;
  bool locks_by_iptables = true;  // --network-lock
  bool unix_sockets = false;      // --ext-unix-sk without a list
  bool automatic_mounts = false;  // --external mnt[], --ext-mount-map auto
  bool external_masters = false;
  bool external_sharing = false;
  bool all_file_systems = false;  // --enable-fs all
  std::set<std::string> file_systems;
  std::set<std::string>
      external_mounts;                  // mountpoints: of --external mnt[/x]:key, and --ext-mount-map /x:key
  std::set<std::string> external_keys;  // all of --external up to the key: "unix[12]", "file[1a:2b]"
  std::set<std::string> skipped_mounts;
  std::set<std::string> scanned_paths;  // --irmap-scan-path
  std::string freeze_cgroup;
  std::string images_directory;
  std::uint64_t ghost_limit = 1 << 20;  // bytes

  DumpOptions() = default;
  // Options that decide nothing here are passed over: whether CRIU knows them is for judge_criu_command().
  explicit DumpOptions(const CriuCommand& command);
};

}  // namespace cg::tree
