// This machine as the place of a restore: its processes, addresses and settings.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/host.h"
#include "base/process.h"
#include "base/text.h"
#include "procfs/mountinfo.h"
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

using Mounts = Result<std::vector<procfs::Mount>>;

std::optional<bool> opens(const Mounts& mounts, const checkpoint::Watch& watch) {
  if (!mounts || watch.handle.size() > MAX_HANDLE_SZ) return std::nullopt;
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> bytes{};
  auto* handle = reinterpret_cast<file_handle*>(bytes.data());
  handle->handle_bytes = static_cast<unsigned>(watch.handle.size());
  handle->handle_type = watch.handle_type;
  std::memcpy(handle->f_handle, watch.handle.data(), watch.handle.size());
  for (const auto& mount : *mounts) {
    if ((mount.major << 20 | mount.minor) != watch.device) continue;
    const UniqueFd place(open(mount.mountpoint.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
    const UniqueFd file(place ? open_by_handle_at(place.get(), handle, O_PATH | O_CLOEXEC) : -1);
    if (file) return true;
    if (place && errno == EPERM) return std::nullopt;
  }
  return false;
}

// As CRIU finds it out. One that was built without SELinux knows nothing of it, which cannot be seen here.
std::uint32_t security_module() {
  if (access("/sys/kernel/security/apparmor", F_OK) == 0) return 2;
  return access("/sys/fs/selinux/enforce", F_OK) == 0 ? 1 : 0;
}

RulePrograms rule_programs(const std::string& name) {
  const bool legacy = find_program(name + "-legacy-restore").has_value();
  const auto program = find_program(name + "-restore");
  if (!program) return {.any = false, .legacy = legacy};
  const auto version = run({program->string(), "-V"});
  const bool own = version && version->status == 0 && !version->out.contains("nf_tables");
  return {.any = true, .legacy = legacy || own};
}

}  // namespace

Place this_place(const Files& host) {
  Place place;
  place.host = &host;
  place.is_taken = is_pid_taken;
  place.bind = [](const checkpoint::InternetSocket& socket) { return try_to_bind(socket); };
  place.bind_abstract = [](const checkpoint::UnixSocket& socket) { return try_to_bind(socket); };
  const auto text = read_file("/proc/self/mountinfo");
  Mounts mounts = text ? procfs::parse_mountinfo(*text) : Mounts(cannot("mountinfo"));
  place.opens = [mounts = std::move(mounts)](const checkpoint::Watch& watch) { return opens(mounts, watch); };
  place.setting = setting;
  place.rule_programs = rule_programs;
  place.security_module = security_module();
  place.architecture = host_machine();
  return place;
}

}  // namespace cg::restore
