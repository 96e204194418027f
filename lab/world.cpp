#include "world.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "procfs/scan.h"

namespace cg::lab {
namespace {

constexpr std::array<std::pair<std::string_view, long>, 34> calls{{
    {"membarrier", SYS_membarrier},
    {"madvise", SYS_madvise},
    {"kcmp", SYS_kcmp},
    {"inotify_init", SYS_inotify_init},
    {"inotify_init1", SYS_inotify_init1},
    {"epoll_create", SYS_epoll_create},
    {"epoll_create1", SYS_epoll_create1},
    {"eventfd", SYS_eventfd},
    {"eventfd2", SYS_eventfd2},
    {"signalfd", SYS_signalfd},
    {"signalfd4", SYS_signalfd4},
    {"timerfd_create", SYS_timerfd_create},
    {"memfd_create", SYS_memfd_create},
    {"userfaultfd", SYS_userfaultfd},
    {"clone3", SYS_clone3},
    {"move_mount", SYS_move_mount},
    {"io_setup", SYS_io_setup},
    {"openat2", SYS_openat2},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_getfd", SYS_pidfd_getfd},
    {"ptrace", SYS_ptrace},
    {"vmsplice", SYS_vmsplice},
    {"flock", SYS_flock},
    {"socket", SYS_socket},
    {"setsockopt", SYS_setsockopt},
    {"getsockopt", SYS_getsockopt},
    {"prctl", SYS_prctl},
    {"fcntl", SYS_fcntl},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo},
    {"mount", SYS_mount},
    {"ioctl", SYS_ioctl},
    {"unshare", SYS_unshare},
    {"fsopen", SYS_fsopen},
    {"statmount", 457},  // newer than the C library's header
}};

constexpr std::array<std::pair<std::string_view, int>, 11> errors{
    {{"OK", 0},  // nothing is done, and success is told
     {"ENOSYS", ENOSYS},
     {"EPERM", EPERM},
     {"EACCES", EACCES},
     {"EINVAL", EINVAL},
     {"EIO", EIO},
     {"ENODEV", ENODEV},
     {"ENOSPC", ENOSPC},
     {"EAFNOSUPPORT", EAFNOSUPPORT},
     {"EPROTONOSUPPORT", EPROTONOSUPPORT},
     {"ENOPROTOOPT", ENOPROTOOPT}}};

template <class Table>
auto find_in(const Table& table, std::string_view name)
    -> std::optional<typename Table::value_type::second_type> {
  const auto found = std::ranges::find(table, name, &Table::value_type::first);
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

Result<void> add_filter(const std::vector<std::string>& words) {
  const auto call = find_in(calls, words[1]);
  const auto error = find_in(errors, words[2]);
  if (!call || !error) return refused(fmt::format("'{}' names no known call and error", join(words, " ")));
  std::vector<std::pair<std::uint32_t, std::uint32_t>> arguments;
  for (std::size_t at = 3; at + 2 < words.size(); at += 3)
    arguments.emplace_back(procfs::to_number<std::uint32_t>(words[at + 1]).value_or(0),
                           procfs::to_number<std::uint32_t>(words[at + 2]).value_or(0));
  // Every mismatch jumps to the last instruction, which allows.
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(*call), 0, 0)};
  for (const auto& [index, value] : arguments) {
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                               static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * 8)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(*error)));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  for (std::size_t at = 0; at < program.size(); ++at)
    if (BPF_CLASS(program[at].code) == BPF_JMP)
      program[at].jf = static_cast<std::uint8_t>(program.size() - 2 - at);
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  // Without NO_NEW_PRIVS, which CRIU's children would notice, the privilege is needed: the lab runs as root.
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0)
    return cannot_errno("seccomp filter", errno);
  return {};
}

Result<void> do_mount(const char* what, const std::string& from, const std::string& on, const char* type,
                      unsigned long flags, const char* data = nullptr) {
  if (mount(from.c_str(), on.c_str(), type, flags, data) == 0) return {};
  return cannot_errno(fmt::format("{} on {}", what, on), errno);
}

Result<void> take_file(const std::vector<std::string>& words) {
  const std::string& kind = words.front();
  if (kind == "null") return do_mount("/dev/null", "/dev/null", words.at(1), nullptr, MS_BIND);
  if (kind == "over") return do_mount("a bind", words.at(2), words.at(1), nullptr, MS_BIND);
  if (kind == "shown") {
    CG_CHECK(do_mount("a tmpfs", "lab", words.at(1), "tmpfs", 0));
    return make_directories(words.at(1) + "/" + words.at(2));
  }
  if (kind == "proc-subset") return do_mount("proc", "proc", "/proc", "proc", 0, "subset=pid");
  if (kind == "read-only") {
    // The root of this namespace is a mount of its own already.
    if (words.at(1) != "/") CG_CHECK(do_mount("a bind", words.at(1), words.at(1), nullptr, MS_BIND | MS_REC));
    return do_mount("read-only", "", words.at(1), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY);
  }
  if (kind == "without-capability") {
    const auto number = procfs::to_number<unsigned long>(words.at(1));
    if (!number || prctl(PR_CAPBSET_DROP, *number, 0, 0, 0) != 0)
      return cannot_errno("PR_CAPBSET_DROP", errno);
    return {};
  }
  if (kind == "no-net") {
    if (unshare(CLONE_NEWNET) != 0) return cannot_errno("a network namespace", errno);
    return {};
  }
  return refused(fmt::format("'{}' names nothing that can be taken away", join(words, " ")));
}

}  // namespace

Result<Taking> parse_taking(const std::string& text) {
  Taking taking;
  for (const auto& word : split(text, ' '))
    if (!word.empty()) taking.words.push_back(word);
  const std::size_t count = taking.words.size();
  const bool complete =
      count > 0 && (taking.is_filter() ? count >= 3 && count % 3 == 0
                    : taking.words.front() == "over" || taking.words.front() == "shown"         ? count == 3
                    : taking.words.front() == "no-net" || taking.words.front() == "proc-subset" ? count == 1
                                                                                                : count == 2);
  if (!complete) return refused(fmt::format("'{}': not a thing to take away", text));
  return taking;
}

Result<void> take_away_files(const std::vector<Taking>& takings) {
  if (std::ranges::all_of(takings, &Taking::is_filter)) return {};
  if (unshare(CLONE_NEWNS) != 0) return cannot_errno("a mount namespace", errno);
  CG_CHECK(do_mount("private", "", "/", nullptr, MS_REC | MS_PRIVATE));
  for (const auto& taking : takings)
    if (!taking.is_filter()) CG_CHECK(take_file(taking.words));
  return {};
}

Result<void> take_away_calls(const std::vector<Taking>& takings) {
  for (const auto& taking : takings)
    if (taking.is_filter()) CG_CHECK(add_filter(taking.words));
  return {};
}

}  // namespace cg::lab
