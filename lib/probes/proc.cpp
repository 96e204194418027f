// What CRIU reads and writes under /proc. Each file is opened as CRIU opens it: some exist but refuse to
// open.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/file.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

ProbeResult open_file(const std::string& path, int flags, int capability = -1) {
  UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  return fd ? pass(path + " opens") : failed_call(path, errno, capability);
}

ProbeResult read_some(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed_call(path, errno);
  char byte = 0;
  return read(fd.get(), &byte, 1) >= 0 ? pass(path + " is readable") : failed_call(path, errno);
}

ProbeResult pagemap() {
  UniqueFd fd(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!fd) return failed_call("/proc/self/pagemap", errno, CAP_SYS_ADMIN);
  unsigned long long entry = 0;
  const auto page = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(&entry) /
                                       static_cast<std::uintptr_t>(getpagesize()));
  if (pread(fd.get(), &entry, sizeof entry, page * 8) != sizeof entry)
    return failed_call("reading /proc/self/pagemap", errno);
  return pass("/proc/self/pagemap is readable");
}

// The ioctl of Linux 6.7. An older kernel says ENOTTY; all but that and EINVAL is unexpected.
ProbeResult pagemap_scan_answer() {
  UniqueFd fd(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!fd) return unknown("/proc/self/pagemap cannot be opened");
  struct {  // struct pm_scan_arg, include/uapi/linux/fs.h
    std::uint64_t size = 12 * 8, flags = 0, start = 0, end = 0, walk_end = 0, vec = 0, vec_len = 0,
                  max_pages = 0;
    std::uint64_t category_inverted = 0, category_mask = 0, category_anyof_mask = 1 << 2,
                  return_mask = 1 << 2;
  } arguments;
  const int result = ioctl(fd.get(), _IOWR('f', 16, arguments), &arguments);
  const int error = result < 0 ? errno : 0;
  const std::string text =
      fmt::format("ioctl(PAGEMAP_SCAN): {}", error == 0 ? "works" : std::strerror(error));
  return error == 0 || error == EINVAL || error == ENOTTY ? pass(text) : fail(text);
}

// CRIU learns the device of shared memory from map_files of a fresh shared mapping.
ProbeResult map_files() {
  const auto size = static_cast<std::size_t>(getpagesize());
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed_call("mmap(MAP_SHARED|MAP_ANONYMOUS)", errno);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::string path = fmt::format("/proc/self/map_files/{:x}-{:x}", begin, begin + size);
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    return failed_call("/proc/self/map_files", errno, CAP_CHECKPOINT_RESTORE);
  return pass("/proc/self/map_files can be followed");
}

ProbeResult soft_dirty() {
  UniqueFd clear(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  if (!clear) return failed_call("/proc/self/clear_refs", errno);
  const auto size = static_cast<std::size_t>(getpagesize());
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed_call("mmap", errno);
  volatile char* page = static_cast<volatile char*>(memory);
  *page = 1;
  if (write(clear.get(), "4", 1) != 1) return failed_call("writing 4 to clear_refs", errno);
  *page = 2;
  UniqueFd fd(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  unsigned long long entry = 0;
  const auto at = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(memory) / size * 8);
  if (!fd || pread(fd.get(), &entry, sizeof entry, at) != sizeof entry)
    return unknown("/proc/self/pagemap cannot be read");
  constexpr int soft_dirty_bit = 55;  // Documentation/admin-guide/mm/pagemap.rst
  return (entry >> soft_dirty_bit) & 1 ? pass("a written page is marked soft-dirty")
                                       : fail("a written page is not marked soft-dirty");
}

ProbeResult smaps() {
  UniqueFd fd(open("/proc/self/smaps", O_RDONLY | O_CLOEXEC));
  if (!fd) return failed_call("/proc/self/smaps", errno);
  auto text = read_fd(fd.get(), "/proc/self/smaps");
  if (!text) return fail(text.error().message);
  return text->contains("VmFlags:") ? pass("/proc/self/smaps has VmFlags")
                                    : fail("/proc/self/smaps has no VmFlags");
}

ProbeResult clear_refs() {
  return open_file("/proc/self/clear_refs", O_WRONLY);
}
ProbeResult cap_last_cap() {
  return read_some("/proc/sys/kernel/cap_last_cap");
}
ProbeResult timers() {
  return read_some("/proc/self/timers");
}
ProbeResult children() {
  return read_some(fmt::format("/proc/self/task/{}/children", getpid()));
}
ProbeResult ns_last_pid() {
  return open_file("/proc/sys/kernel/ns_last_pid", O_RDWR, CAP_CHECKPOINT_RESTORE);
}
ProbeResult loginuid() {
  return open_file("/proc/self/loginuid", O_RDWR);
}
ProbeResult proc_locks() {
  return read_some("/proc/locks");
}
ProbeResult seccomp_status() {
  auto text = read_file("/proc/self/status");
  if (!text) return fail(text.error().message);
  return text->contains("\nSeccomp:") ? pass("/proc/self/status has Seccomp")
                                      : fail("/proc/self/status has no Seccomp line");
}

ProbeResult ipc_sysctls() {
  for (const char* name : {"sem_next_id", "msg_next_id", "shm_next_id"}) {
    const auto result = open_file(fmt::format("/proc/sys/kernel/{}", name), O_RDWR, CAP_CHECKPOINT_RESTORE);
    if (result.status != Status::pass) return result;
  }
  return pass("/proc/sys/kernel/*_next_id open for writing");
}

// mm and exit_code fields at the end, from 3.5 on.
ProbeResult proc_stat() {
  auto text = read_file("/proc/self/stat");
  if (!text) return fail(text.error().message);
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return fail("/proc/self/stat is not understood");
  const auto fields = 2 + std::count(text->begin() + static_cast<std::ptrdiff_t>(name_end), text->end(), ' ');
  return fields >= 52 ? pass(fmt::format("/proc/self/stat has {} fields", fields))
                      : fail(fmt::format("/proc/self/stat has only {} fields", fields));
}

ProbeResult has_namespace(const char* name) {
  const std::string path = fmt::format("/proc/self/ns/{}", name);
  return access(path.c_str(), F_OK) == 0 ? pass(path + " exists") : failed_call(path, errno);
}
ProbeResult pid_namespace() {
  return has_namespace("pid");
}
ProbeResult net_namespace() {
  return has_namespace("net");
}
ProbeResult ipc_namespace() {
  return has_namespace("ipc");
}
ProbeResult uts_namespace() {
  return has_namespace("uts");
}
ProbeResult user_namespace() {
  return has_namespace("user");
}
ProbeResult cgroup_namespace() {
  return has_namespace("cgroup");
}
ProbeResult time_namespace() {
  return has_namespace("time");
}

ProbeResult cgroup_v2() {
  auto text = read_file("/proc/filesystems");
  if (!text) return unknown(text.error().message);
  return text->contains("\tcgroup2\n") ? pass("cgroup2 is a known file system")
                                       : fail("no cgroup2 in /proc/filesystems");
}

}  // namespace

std::vector<Probe> proc_probes() {
  return {{"pagemap", pagemap},
          {"pagemap-scan-answer", pagemap_scan_answer},
          {"map-files", map_files},
          {"clear-refs", clear_refs},
          {"soft-dirty", soft_dirty},
          {"smaps", smaps},
          {"cap-last-cap", cap_last_cap},
          {"proc-timers", timers},
          {"proc-children", children},
          {"proc-stat", proc_stat},
          {"proc-locks", proc_locks},
          {"proc-seccomp", seccomp_status},
          {"ns-last-pid", ns_last_pid},
          {"ipc-next-id", ipc_sysctls},
          {"loginuid", loginuid},
          {"pid-namespace", pid_namespace},
          {"net-namespace", net_namespace},
          {"ipc-namespace", ipc_namespace},
          {"uts-namespace", uts_namespace},
          {"user-namespace", user_namespace},
          {"cgroup-namespace", cgroup_namespace},
          {"time-namespace", time_namespace},
          {"cgroup-v2", cgroup_v2}};
}

}  // namespace cg::probes
