// A container made step by step as Kata's agent makes one, so that what CRIU meets in the demo is what it
// meets there:
//   - a parent that only sets up the namespaces and goes away, so that the container's init belongs to the
//   agent
//     (here: the driver, a child subreaper), outside of the container's pid namespace;
//   - pid, mount, ipc, uts and cgroup namespaces of its own; the guest's network namespace;
//   - the guest's mounts made slaves, the root file system bound onto itself, pivot_root(".", ".");
//   - proc, sysfs, cgroup2, a tmpfs /dev with device nodes, a devpts of its own, mqueue, a tmpfs /run;
//   - a directory (/dev/shm) and a file (/etc/hosts) bound from the guest: slaves of mounts that are outside;
//   - masked and read-only paths in /proc; three pipes as standard streams; a session of its own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::demo {

struct Bind {
  std::filesystem::path source;       // in the guest
  std::filesystem::path destination;  // in the container
};

enum class Session { own, inherited };

struct ContainerSpec {
  std::filesystem::path rootfs;
  std::filesystem::path cgroup;  // the directory of the cgroup that it starts in
  std::vector<Bind> binds;
  std::vector<std::string> argv;
  Session session = Session::own;
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
};

// The directories, mount points, program and record file of the container.
Result<void> prepare_rootfs(const std::filesystem::path& rootfs, const std::filesystem::path& workload);

// Returns the pid of the container's init, as the caller sees it, once the program is executed. The caller
// must be single-threaded and a child subreaper.
Result<pid_t> start_container(const ContainerSpec& spec);

// "MOUNTPOINT FSTYPE PROPAGATION" (private, shared, slave or shared slave) of every mount in the text of a
// /proc/PID/mountinfo, sorted. The numbers of the sharing groups are left out: they are new after a restore.
Result<std::vector<std::string>> describe_mounts(std::string_view mountinfo);
// Whether the mount at "/" of the calling process is shared, as systemd makes it.
Result<bool> root_is_shared();

}  // namespace cg::demo
