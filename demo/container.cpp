#include "container.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/file.h"
#include "procfs/mountinfo.h"
#include "state.h"

namespace cg::demo {
namespace fs = std::filesystem;
namespace {

struct Mount {
  const char* type;
  const char* destination;
  unsigned long flags;
  const char* data;
};

// The mounts of an ordinary OCI spec, in its order.
constexpr std::array mounts{
    Mount{"proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, ""},
    Mount{"tmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"},
    Mount{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
    Mount{"mqueue", "/dev/mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, ""},
    Mount{"sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, ""},
    Mount{"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, ""},
    Mount{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755,size=65536k"},
};

struct Node {
  const char* path;
  unsigned major;
  unsigned minor;
};
constexpr std::array nodes{Node{"dev/null", 1, 3},   Node{"dev/zero", 1, 5},    Node{"dev/full", 1, 7},
                           Node{"dev/random", 1, 8}, Node{"dev/urandom", 1, 9}, Node{"dev/tty", 5, 0}};

struct Link {
  const char* path;
  const char* target;
};
constexpr std::array links{Link{"dev/fd", "/proc/self/fd"}, Link{"dev/stdin", "/proc/self/fd/0"},
                           Link{"dev/stdout", "/proc/self/fd/1"}, Link{"dev/stderr", "/proc/self/fd/2"},
                           Link{"dev/ptmx", "pts/ptmx"}};

constexpr std::array masked{"proc/kcore", "proc/timer_list"};
constexpr std::array read_only{"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};

Result<void> do_mount(const std::string& source, const std::string& target, const char* type,
                      unsigned long flags, const char* data = nullptr) {
  if (mount(source.c_str(), target.c_str(), type, flags, data) == 0) return {};
  return cannot_errno(fmt::format("mounting {} on {}", source, target), errno);
}

Result<void> make_dev(const fs::path& rootfs) {
  umask(0);
  for (const Node& node : nodes)
    if (mknod((rootfs / node.path).c_str(), S_IFCHR | 0666, makedev(node.major, node.minor)) != 0)
      return cannot_errno(fmt::format("mknod {}", node.path), errno);
  umask(022);
  for (const Link& link : links)
    if (symlink(link.target, (rootfs / link.path).c_str()) != 0) return cannot_errno(link.path, errno);
  return {};
}

Result<void> mount_all(const ContainerSpec& spec) {
  CG_CHECK(do_mount("", "/", nullptr, MS_SLAVE | MS_REC));
  CG_CHECK(do_mount(spec.rootfs, spec.rootfs, nullptr, MS_BIND | MS_REC));
  for (const Mount& one : mounts) {
    const std::string target = spec.rootfs.string() + one.destination;
    if (one.destination == std::string_view("/dev/mqueue") || one.destination == std::string_view("/dev/pts"))
      CG_CHECK(make_directories(target));
    auto mounted = do_mount(one.type, target, one.type, one.flags, one.data);
    // A kernel without message queues: the agent would refuse such a container, the demo can do without.
    if (!mounted && one.type == std::string_view("mqueue") && errno == ENODEV) continue;
    CG_CHECK(std::move(mounted));
  }
  for (const Bind& bind : spec.binds) {
    const std::string target = spec.rootfs.string() + bind.destination.string();
    if (fs::is_directory(bind.source)) CG_CHECK(make_directories(target));
    CG_CHECK(do_mount(bind.source, target, nullptr, MS_BIND | MS_REC));
  }
  return make_dev(spec.rootfs);
}

// pivot_root with both arguments "." puts the old root on top of the new one, from where it is detached.
Result<void> pivot(const fs::path& rootfs) {
  UniqueFd old_root(open("/", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  UniqueFd new_root(open(rootfs.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (!old_root || !new_root) return cannot_errno(rootfs.string(), errno);
  if (fchdir(new_root.get()) != 0) return cannot_errno("fchdir", errno);
  if (syscall(SYS_pivot_root, ".", ".") != 0) {
    if (errno == EINVAL)
      return cannot(
          "pivot_root: Invalid argument; the root of an initramfs cannot be left: boot from a disk image, "
          "or switch_root to a tmpfs first");
    return cannot_errno("pivot_root", errno);
  }
  if (fchdir(old_root.get()) != 0) return cannot_errno("fchdir", errno);
  CG_CHECK(do_mount("", ".", nullptr, MS_SLAVE | MS_REC));  // the unmounts below must not reach the guest
  if (umount2(".", MNT_DETACH) != 0) return cannot_errno("detaching the old root", errno);
  if (chdir("/") != 0) return cannot_errno("chdir", errno);
  return {};
}

Result<void> restrict_proc() {
  for (const char* path : masked)
    if (fs::exists(path)) CG_CHECK(do_mount("dev/null", path, nullptr, MS_BIND));
  for (const char* path : read_only) {
    if (!fs::exists(path)) continue;
    CG_CHECK(do_mount(path, path, nullptr, MS_BIND | MS_REC));
    CG_CHECK(
        do_mount(path, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC));
  }
  return {};
}

Result<void> become_init(const ContainerSpec& spec) {
  if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) != 0)
    return cannot_errno("unshare", errno);
  CG_CHECK(mount_all(spec));
  CG_CHECK(pivot(spec.rootfs));
  CG_CHECK(restrict_proc());
  if (sethostname("demo", 4) != 0) return cannot_errno("sethostname", errno);
  if (spec.session == Session::own && setsid() < 0) return cannot_errno("setsid", errno);
  if (dup2(spec.standard_input, 0) < 0 || dup2(spec.standard_output, 1) < 0 ||
      dup2(spec.standard_error, 2) < 0)
    return cannot_errno("dup2", errno);
  if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return cannot_errno("close_range", errno);

  signal(SIGPIPE, SIG_DFL);  // an ignored signal would stay ignored

  std::vector<char*> argv;
  for (const auto& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::array<char*, 2> environment{const_cast<char*>("PATH=/bin"), nullptr};
  execve(argv[0], argv.data(), environment.data());
  return cannot_errno(spec.argv[0], errno);
}

void tell(int fd, const std::string& text) {
  (void)!write(fd, text.data(), text.size());
}

// The agent's temporary parent: it is in the cgroup already, so that the container's cgroup namespace is
// rooted there.
int become_parent(const ContainerSpec& spec, int report, int pid_report) {
  const fs::path procs = spec.cgroup / "cgroup.procs";
  UniqueFd fd(open(procs.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || write(fd.get(), "0", 1) != 1)
    return tell(report, fmt::format("{}: cannot join", procs.string())), 1;
  if (unshare(CLONE_NEWPID) != 0)
    return tell(report, cannot_errno("unshare(CLONE_NEWPID)", errno).error().message), 1;
  const pid_t init = fork();
  if (init < 0) return tell(report, cannot_errno("fork", errno).error().message), 1;
  if (init > 0) return tell(pid_report, std::to_string(init)), 0;
  const auto failed = become_init(spec);
  tell(report, failed.error().message);
  _exit(1);
}

}  // namespace

Result<void> prepare_rootfs(const fs::path& rootfs, const fs::path& workload) {
  for (const char* directory : {"bin", "data", "dev", "etc", "proc", "run", "sys", "tmp"})
    CG_CHECK(make_directories(rootfs / directory));
  CG_CHECK(copy_file_atomically(workload, rootfs / "bin/demo-workload", 0755));
  CG_CHECK(write_file_atomically(rootfs / "data/records", records_file()));
  return write_file_atomically(rootfs / "etc/hosts", "");  // the mount point
}

Result<pid_t> start_container(const ContainerSpec& spec) {
  std::array<int, 2> report{};
  std::array<int, 2> pid_report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0 || pipe2(pid_report.data(), O_CLOEXEC) != 0)
    return cannot_errno("pipe", errno);
  UniqueFd report_read(report[0]), report_write(report[1]);
  UniqueFd pid_read(pid_report[0]), pid_write(pid_report[1]);
  const pid_t parent = fork();
  if (parent < 0) return cannot_errno("fork", errno);
  if (parent == 0) _exit(become_parent(spec, report_write.get(), pid_write.get()));
  report_write.reset();
  pid_write.reset();
  while (waitpid(parent, nullptr, 0) < 0 && errno == EINTR) {
  }
  CG_TRY(failure, read_fd(report_read.get(), "the container's set-up"));  // ends when the program is executed
  if (!failure.empty()) return cannot("making the container: " + failure);
  CG_TRY(pid, read_fd(pid_read.get(), "the container's pid"));
  if (pid.empty()) return cannot("making the container: its parent ended without a word");
  return static_cast<pid_t>(std::stol(pid));
}

Result<std::vector<std::string>> describe_mounts(std::string_view mountinfo) {
  CG_TRY(mounts, procfs::parse_mountinfo(mountinfo));
  std::vector<std::string> result;
  for (const auto& mount : mounts) {
    std::string propagation;
    if (mount.shared != 0) propagation += " shared";
    if (mount.master != 0) propagation += " slave";
    result.push_back(mount.mountpoint + " " + mount.type + (propagation.empty() ? " private" : propagation));
  }
  std::ranges::sort(result);
  return result;
}

Result<bool> root_is_shared() {
  CG_TRY(text, read_file("/proc/self/mountinfo"));
  CG_TRY(mounts, procfs::parse_mountinfo(text));
  bool shared = false;
  for (const auto& mount : mounts)
    if (mount.mountpoint == "/") shared = mount.shared != 0;
  return shared;
}

}  // namespace cg::demo
