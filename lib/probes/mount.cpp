// Directories CRIU writes to, and mounts: whatever is mounted is so in a mount namespace of its own.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

// CRIU makes a directory /tmp/.criu.*: so do we, and take it away at once.
ProbeResult writable_tmp() {
  char name[] = "/tmp/.kcheck.XXXXXX";
  if (!mkdtemp(name)) return fail(fmt::format("mkdtemp in /tmp: {}", std::strerror(errno)));
  rmdir(name);
  return pass("a directory can be made in /tmp");
}

ProbeResult run_is_tmpfs() {
  struct statfs info {};
  if (statfs("/run", &info) != 0) return fail(fmt::format("/run: {}", std::strerror(errno)));
  return info.f_type == TMPFS_MAGIC ? pass("/run is a tmpfs") : fail("/run is not a tmpfs");
}

// A directory to mount on that every system has.
constexpr const char* mount_point = "/proc";

bool in_own_mounts() {
  const auto link = [](const std::string& path) {
    std::string text(64, '\0');
    const ssize_t size = readlink(path.c_str(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  };
  const std::string own = link("/proc/self/ns/mnt");
  return !own.empty() && own != link(fmt::format("/proc/{}/ns/mnt", getppid()));
}

ProbeResult no_namespace() {
  if (has_capability(CAP_SYS_ADMIN)) return unknown("no mount namespace could be made to try it in");
  return unknown("no mount namespace could be made to try it in (needs CAP_SYS_ADMIN)");
}

ProbeResult tmpfs() {
  if (!in_own_mounts()) return no_namespace();
  if (mount("none", mount_point, "tmpfs", 0, nullptr) != 0)
    return failed_call("mounting a tmpfs", errno, CAP_SYS_ADMIN);
  umount2(mount_point, MNT_DETACH);
  return pass("a tmpfs can be mounted");
}

// CRIU < 4.1.1 changes the propagation of mounts that are not attached yet; kernels with commit 12f147ddd6de
// refuse.
ProbeResult detached_propagation() {
  if (!in_own_mounts()) return no_namespace();
  if (mount("none", mount_point, "tmpfs", 0, nullptr) != 0)
    return unknown(fmt::format("mounting a tmpfs: {}", std::strerror(errno)));
  constexpr unsigned open_tree_clone = 1;
  UniqueFd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, mount_point, open_tree_clone | O_CLOEXEC)));
  const int tree_error = errno;
  umount2(mount_point, MNT_DETACH);
  if (!tree) return unknown(fmt::format("open_tree(2): {}", std::strerror(tree_error)));
  const std::string path = fmt::format("/proc/self/fd/{}", tree.get());
  if (mount(nullptr, path.c_str(), nullptr, MS_PRIVATE, nullptr) == 0)
    return pass("propagation of a detached mount can be changed");
  return failed_call("changing the propagation of a detached mount", errno);
}

// ENOSYS and EINVAL mean an older kernel to CRIU; a filter's EPERM stops it.
ProbeResult move_mount_answer() {
  const long result = syscall(SYS_move_mount, -1, "", -1, "", 0x100);
  const int error = result < 0 ? errno : 0;
  if (error == EPERM || error == EACCES) return failed_call("move_mount(2)", error, CAP_SYS_ADMIN);
  return pass(fmt::format("move_mount(2) of nothing: {}", std::strerror(error)));
}

// The flag is checked before the files are looked at.
ProbeResult set_group() {
  const long result = syscall(SYS_move_mount, -1, "", -1, "", 0x100 /* MOVE_MOUNT_SET_GROUP */);
  const int error = result < 0 ? errno : 0;
  if (error == EINVAL || error == ENOSYS)
    return fail(fmt::format("move_mount(MOVE_MOUNT_SET_GROUP): {}", std::strerror(error)));
  if (error == EPERM) return failed_call("move_mount(2)", error, CAP_SYS_ADMIN);
  return pass("move_mount(2) knows MOVE_MOUNT_SET_GROUP");
}

// CRIU 4.3 mounts binfmt_misc nowhere, and where that works it does the same in a user namespace of its own:
// that none can be made ends its start.
ProbeResult binfmt_sandbox() {
  const auto mountable = [] {
    constexpr unsigned create = 6;  // FSCONFIG_CMD_CREATE
    UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "binfmt_misc", 0)));
    if (!context || syscall(SYS_fsconfig, context.get(), create, nullptr, nullptr, 0) != 0) return false;
    return static_cast<bool>(UniqueFd(static_cast<int>(syscall(SYS_fsmount, context.get(), 0, 0))));
  };
  const bool asked = mountable();
  // In a process of its own: who is in a user namespace has no privileges for the probes that follow.
  const pid_t child = fork();
  if (child < 0) return unknown(fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) _exit(unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 ? 0 : errno);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
    return fail("a seccomp filter kills whoever asks for a user namespace (SIGSYS)");
  if (!WIFEXITED(status)) return unknown("the process that asked for a user namespace died");
  if (WEXITSTATUS(status) == 0) return pass("a user namespace can be made");
  const int error = WEXITSTATUS(status);
  if (!asked && has_capability(CAP_SYS_ADMIN))
    return pass("binfmt_misc cannot be mounted, so it is not asked");
  return failed_call("unshare(CLONE_NEWNS|CLONE_NEWUSER)", error);
}

}  // namespace

std::vector<Probe> mount_probes() {
  return {{"writable-tmp", writable_tmp},
          {"run-tmpfs", run_is_tmpfs},
          {"tmpfs", tmpfs, Place::own_mounts},
          {"detached-propagation", detached_propagation, Place::own_mounts},
          {"move-mount-answer", move_mount_answer},
          {"move-mount-set-group", set_group},
          {"binfmt-sandbox", binfmt_sandbox}};
}

}  // namespace cg::probes
