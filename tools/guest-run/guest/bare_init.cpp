#include "bare_init.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "system.h"

namespace cg::guest {
namespace {

void bring_up_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
    ioctl(fd, SIOCSIFFLAGS, &request);
  }
  close(fd);
}

void mount_or_say(const char* type, const char* where, unsigned long flags, const char* data = nullptr) {
  if (!mount_at(type, where, flags, data))
    say_on_console(error_text(std::string(type) + " on " + where, errno));
}

}  // namespace

void set_up_bare_system() {
  constexpr unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount_or_say("proc", "/proc", plain);
  mount_or_say("sysfs", "/sys", plain);
  mount_or_say("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
  mount_or_say("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
  mount_or_say("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_or_say("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
  mount_or_say("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_or_say("cgroup2", "/sys/fs/cgroup", plain, "nsdelegate");
  const char* links[][2] = {{"/proc/self/fd", "/dev/fd"},
                            {"/proc/self/fd/0", "/dev/stdin"},
                            {"/proc/self/fd/1", "/dev/stdout"},
                            {"/proc/self/fd/2", "/dev/stderr"}};
  for (const auto& link : links) (void)!symlink(link[0], link[1]);
  bring_up_loopback();
  const std::string name = trimmed(read_small_file("/etc/hostname"));
  const std::string used = name.empty() ? "guest" : name;
  (void)!sethostname(used.data(), used.size());
}

void reap_until(int service) {
  for (;;) {
    const pid_t ended = waitpid(-1, nullptr, 0);
    if (ended == service || (ended < 0 && errno == ECHILD)) power_off_now();
  }
}

}  // namespace cg::guest
