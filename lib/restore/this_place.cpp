// This machine as the place of a restore: its processes, addresses and settings.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "base/file.h"
#include "base/host.h"
#include "base/text.h"
#include "procfs/scan.h"
#include "restore/bind_probe.h"
#include "restore/place.h"

namespace cg::restore {
namespace {

bool is_pid_taken(int pid) {
  // Also as the number of a group or a session: the kernel keeps it as long as anyone is in there.
  for (const int number : {pid, -pid})
    if (kill(number, 0) == 0 || errno == EPERM) return true;
  struct stat info {};
  return stat(("/proc/" + std::to_string(pid)).c_str(), &info) == 0;  // a thread's
}

std::optional<std::uint64_t> setting(const std::string& name) {
  const auto text = read_file("/proc/sys/" + name, 4096);
  if (!text) return std::nullopt;
  const auto number = procfs::to_number<std::uint64_t>(trim(*text));
  return number ? std::optional(*number) : std::nullopt;
}

// As CRIU finds it out. One that was built without SELinux knows nothing of it, which cannot be seen here.
std::uint32_t security_module() {
  if (access("/sys/kernel/security/apparmor", F_OK) == 0) return 2;
  return access("/sys/fs/selinux/enforce", F_OK) == 0 ? 1 : 0;
}

}  // namespace

Place this_place(const Files& host) {
  Place place;
  place.host = &host;
  place.is_taken = is_pid_taken;
  place.bind = [](const checkpoint::InternetSocket& socket) { return try_to_bind(socket); };
  place.bind_abstract = [](const checkpoint::UnixSocket& socket) { return try_to_bind(socket); };
  place.setting = setting;
  place.security_module = security_module();
  place.architecture = host_machine();
  return place;
}

}  // namespace cg::restore
