// The criu command lines for a container of Kata's kind, by version. Every option is there for a reason, and
// the demo can leave each one out to show what then happens.
#pragma once

#include <sys/types.h>

#include <compare>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "container.h"
#include "kernel_probe.h"

namespace cg::demo {

struct CriuVersion {
  int major = 0;
  int minor = 0;
  int sublevel = 0;
  auto operator<=>(const CriuVersion&) const = default;
  std::string text() const;
};

// From what `criu --version` prints ("Version: 4.1.1").
Result<CriuVersion> parse_criu_version(std::string_view output);

// What a run leaves out on purpose.
enum class Omission {
  session,        // the container's init gets no session of its own
  external,       // mounts with masters outside are not declared
  pause,          // the container is not frozen before the dump
  freeze_cgroup,  // criu is not told that the container is frozen
  compat_mode,    // --mntns-compat-mode is not given where version and kernel need it
  inherit_pipes,  // the new standard streams are not handed over
  cgroups,        // criu is told to ignore cgroups
};
using Omissions = std::set<Omission>;
// session, external, pause, freeze-cgroup, mntns-compat, inherit-fd, manage-cgroups
Result<Omission> parse_omission(const std::string& name);
std::vector<std::string> omission_names();

struct DumpRequest {
  std::filesystem::path criu;
  pid_t pid = 0;
  std::filesystem::path images;
  std::filesystem::path log;
  std::filesystem::path cgroup;  // the container's cgroup directory
  std::vector<Bind> binds;
};

// An open descriptor that takes the place of a pipe of the dumped container.
struct InheritedPipe {
  int fd = -1;
  unsigned long inode = 0;  // of the dumped pipe
};

struct RestoreRequest {
  std::filesystem::path criu;
  std::filesystem::path images;
  std::filesystem::path log;
  std::filesystem::path root;  // a mount point that shows the container's root file system
  std::filesystem::path pidfile;
  std::vector<Bind> binds;
  std::vector<InheritedPipe> pipes;
};

// Every version from 3.17.1 to 4.2.1 takes the same dump options.
std::vector<std::string> dump_command(const DumpRequest& request, const Omissions& omit);
std::vector<std::string> restore_command(const CriuVersion& version, PropagationRule rule,
                                         const RestoreRequest& request, const Omissions& omit);

}  // namespace cg::demo
