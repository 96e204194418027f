// Kinds of files a task may have open, and what their fdinfo must say so that CRIU can write them down.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/file.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

ProbeResult fdinfo_has(const UniqueFd& fd, const std::string& what, std::string_view key) {
  if (!fd) return failed_call(what, errno);
  auto text = read_file(fmt::format("/proc/self/fdinfo/{}", fd.get()));
  if (!text) return fail(text.error().message);
  return text->contains(key) ? pass(fmt::format("{} works, its fdinfo has '{}'", what, key))
                             : fail(fmt::format("the fdinfo of {} has no '{}'", what, key));
}

ProbeResult event_fd() {
  return fdinfo_has(UniqueFd(eventfd(0, EFD_CLOEXEC)), "eventfd(2)", "eventfd-count:");
}
ProbeResult timer_fd() {
  return fdinfo_has(UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), "timerfd_create(2)", "clockid:");
}
ProbeResult signal_fd() {
  sigset_t set;
  sigemptyset(&set);
  return fdinfo_has(UniqueFd(signalfd(-1, &set, SFD_CLOEXEC)), "signalfd(2)", "sigmask:");
}
ProbeResult epoll() {
  UniqueFd fd(epoll_create1(EPOLL_CLOEXEC));
  if (!fd) return failed_call("epoll_create1(2)", errno);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return unknown("pipe failed");
  UniqueFd in(ends[0]), out(ends[1]);
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll_ctl(fd.get(), EPOLL_CTL_ADD, in.get(), &event) != 0) return failed_call("epoll_ctl(2)", errno);
  return fdinfo_has(fd, "epoll_create1(2)", "tfd:");
}
ProbeResult inotify() {
  UniqueFd fd(inotify_init1(IN_CLOEXEC));
  return fd ? pass("inotify_init1(2): works") : failed_call("inotify_init1(2)", errno);
}
ProbeResult inotify_handle() {
  UniqueFd fd(inotify_init1(IN_CLOEXEC));
  if (!fd) return failed_call("inotify_init1(2)", errno);
  if (inotify_add_watch(fd.get(), ".", IN_DELETE_SELF) < 0) return failed_call("inotify_add_watch(2)", errno);
  return fdinfo_has(fd, "an inotify watch on the working directory", "fhandle-type:");
}
// CRIU locks /proc/locks itself, so that no file has to be made.
ProbeResult fdinfo_lock() {
  UniqueFd fd(open("/proc/locks", O_RDONLY | O_CLOEXEC));
  if (!fd) return failed_call("/proc/locks", errno);
  if (flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return failed_call("flock(2)", errno);
  return fdinfo_has(fd, "flock(2)", "lock:");
}
ProbeResult fdinfo_mount_id() {
  return fdinfo_has(UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), "open(\"/\")", "mnt_id:");
}

ProbeResult ptmx() {
  UniqueFd fd(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!fd) return failed_call("/dev/ptmx", errno);
  int unlocked = 0;
  return ioctl(fd.get(), TIOCSPTLCK, &unlocked) == 0 ? pass("/dev/ptmx gives a pseudo terminal")
                                                     : failed_call("unlocking a pseudo terminal", errno);
}
ProbeResult dev_null() {
  struct stat info {};
  if (stat("/dev/null", &info) != 0) return failed_call("/dev/null", errno);
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3))
    return fail("/dev/null is not the null device");
  return pass("/dev/null is there");
}
ProbeResult tun() {
  UniqueFd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  return fd ? pass("/dev/net/tun opens") : failed_call("/dev/net/tun", errno);
}

}  // namespace

std::vector<Probe> file_probes() {
  return {{"eventfd", event_fd},
          {"timerfd", timer_fd},
          {"signalfd", signal_fd},
          {"epoll", epoll},
          {"inotify", inotify},
          {"inotify-handle", inotify_handle},
          {"fdinfo-lock", fdinfo_lock},
          {"fdinfo-mount-id", fdinfo_mount_id},
          {"ptmx", ptmx},
          {"dev-null", dev_null},
          {"tun", tun}};
}

}  // namespace cg::probes
