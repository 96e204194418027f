#include "kernel_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace cg::demo {

Result<PropagationRule> probe_propagation(const std::filesystem::path& scratch) {
  if (mount("tmpfs", scratch.c_str(), "tmpfs", 0, "size=4k") != 0)
    return cannot_errno("mounting on " + scratch.string(), errno);
  UniqueFd mounted(open(scratch.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // The descriptor leads to the mount of this namespace even from a new one, which has a copy of its own.
  const std::string path = fmt::format("/proc/self/fd/{}", mounted.get());
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0) _exit(255);
    _exit(mount(nullptr, path.c_str(), nullptr, MS_PRIVATE, nullptr) == 0 ? 0 : errno);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  mounted.reset();
  umount2(scratch.c_str(), MNT_DETACH);
  if (child < 0 || !WIFEXITED(status))
    return cannot("probing mount propagation: the child did not end by itself");
  if (WEXITSTATUS(status) == 0) return PropagationRule::any_namespace;
  if (WEXITSTATUS(status) == EINVAL) return PropagationRule::own_namespace_only;
  return cannot_errno("probing mount propagation", WEXITSTATUS(status));
}

}  // namespace cg::demo
