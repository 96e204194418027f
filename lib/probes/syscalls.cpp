// System calls and their flags, asked with arguments that change nothing.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

std::string answer(const char* what, int error) {
  return fmt::format("{}: {}", what, error == 0 ? "works" : std::strerror(error));
}

// CRIU asks for MEMBARRIER_CMD_GET_REGISTRATIONS (Linux 6.3); an older kernel says EINVAL, which it accepts.
ProbeResult membarrier() {
  const long result = syscall(SYS_membarrier, 1 << 9, 0);
  const int error = result < 0 ? errno : 0;
  return error == 0 || error == EINVAL ? pass(answer("membarrier(2)", error))
                                       : fail(answer("membarrier(2)", error));
}

// Linux 6.13 has MADV_GUARD_INSTALL (102); before, madvise says EINVAL, which CRIU accepts.
int guard_install() {
  const auto size = static_cast<std::size_t>(getpagesize());
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  return madvise(memory, size, 102) == 0 ? 0 : errno;
}
ProbeResult madvise_guard() {
  const int error = guard_install();
  return error == 0 || error == EINVAL ? pass(answer("madvise(2)", error))
                                       : fail(answer("madvise(2)", error));
}
ProbeResult plain_madvise() {
  const auto size = static_cast<std::size_t>(getpagesize());
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed_call("mmap", errno);
  return madvise(memory, size, MADV_DONTDUMP) == 0 ? pass("madvise(2): works")
                                                   : failed_call("madvise(2)", errno);
}
// Passes where no task can have guard regions, so that their absence from CRIU's view harms nobody.
ProbeResult no_guard_regions() {
  return guard_install() == 0 ? fail("madvise(MADV_GUARD_INSTALL) works here")
                              : pass("no MADV_GUARD_INSTALL here");
}

ProbeResult memfd_create_probe() {
  UniqueFd fd(static_cast<int>(syscall(SYS_memfd_create, "kcheck", 0)));
  return fd ? pass("memfd_create(2): works") : failed_call("memfd_create(2)", errno);
}
// A null name is EFAULT where the call exists.
ProbeResult memfd_answer() {
  const long result = syscall(SYS_memfd_create, nullptr, 0);
  const int error = result < 0 ? errno : 0;
  return error == EFAULT || error == ENOSYS ? pass(answer("memfd_create(NULL)", error))
                                            : fail(answer("memfd_create(NULL)", error));
}
ProbeResult memfd_hugetlb() {
  UniqueFd fd(static_cast<int>(syscall(SYS_memfd_create, "kcheck", 0x4U /* MFD_HUGETLB */)));
  const int error = fd ? 0 : errno;
  // ENOENT: no huge pages of the default size are set up, but the kernel can.
  return error == 0 || error == ENOENT ? pass(answer("memfd_create(MFD_HUGETLB)", error))
                                       : fail(answer("memfd_create(MFD_HUGETLB)", error));
}
// CRIU 3.17.1 asks only where memfd_create exists, and does not know ENOSYS as the answer of a kernel without
// hugetlbfs.
ProbeResult memfd_hugetlb_answer() {
  if (syscall(SYS_memfd_create, nullptr, 0) < 0 && errno == ENOSYS)
    return pass(answer("memfd_create(2)", ENOSYS));
  UniqueFd fd(static_cast<int>(syscall(SYS_memfd_create, "", 0x4U)));
  const int error = fd ? 0 : errno;
  if (error == 0 || error == EINVAL || error == ENOENT)
    return pass(answer("memfd_create(MFD_HUGETLB)", error));
  return fail(answer("memfd_create(MFD_HUGETLB)", error));
}

ProbeResult userfaultfd() {
  UniqueFd fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC)));
  return fd ? pass("userfaultfd(2): works") : failed_call("userfaultfd(2)", errno, CAP_SYS_PTRACE);
}
// CRIU takes any other answer than these for a fault.
ProbeResult userfaultfd_answer() {
  UniqueFd fd(static_cast<int>(syscall(SYS_userfaultfd, 0)));
  const int error = fd ? 0 : errno;
  return error == 0 || error == ENOSYS || error == EPERM ? pass(answer("userfaultfd(2)", error))
                                                         : fail(answer("userfaultfd(2)", error));
}

ProbeResult kcmp_vm() {
  return syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) == 0
             ? pass("kcmp(2): works")
             : failed_call("kcmp(2)", errno, CAP_SYS_PTRACE);
}
ProbeResult kcmp_epoll() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return failed_call("epoll_create1(2)", errno);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return unknown("pipe failed");
  UniqueFd in(ends[0]), out(ends[1]);
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, in.get(), &event) != 0) return failed_call("epoll_ctl(2)", errno);
  kcmp_epoll_slot slot{static_cast<__u32>(epoll.get()), static_cast<__u32>(in.get()), 0};
  const long result = syscall(SYS_kcmp, getpid(), getpid(), KCMP_EPOLL_TFD, in.get(), &slot);
  return result == 0 ? pass("kcmp(KCMP_EPOLL_TFD): works") : failed_call("kcmp(KCMP_EPOLL_TFD)", errno);
}

ProbeResult prctl_tid_address() {
  int* address = nullptr;
  return prctl(PR_GET_TID_ADDRESS, &address) == 0 ? pass("prctl(PR_GET_TID_ADDRESS): works")
                                                  : failed_call("prctl(PR_GET_TID_ADDRESS)", errno);
}
ProbeResult prctl_mm_map() {
  unsigned size = 0;
  const int result = prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, reinterpret_cast<unsigned long>(&size), 0UL, 0UL);
  return result == 0 ? pass("prctl(PR_SET_MM_MAP): works") : failed_call("prctl(PR_SET_MM_MAP_SIZE)", errno);
}
ProbeResult getowner_uids() {
  UniqueFd fd(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  unsigned uids[2] = {};
  constexpr int f_getowner_uids = 17;  // F_GETOWNER_UIDS, include/uapi/asm-generic/fcntl.h
  return fcntl(fd.get(), f_getowner_uids, uids) == 0 ? pass("fcntl(F_GETOWNER_UIDS): works")
                                                     : failed_call("fcntl(F_GETOWNER_UIDS)", errno);
}

// set_tid without a size is EINVAL where clone3 knows set_tid, E2BIG where it does not, and makes no process.
int clone3_errno() {
  clone_args arguments{};
  arguments.set_tid = ~0ULL;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  return pid > 0 ? 0 : errno;
}
ProbeResult clone3_set_tid() {
  const int error = clone3_errno();
  return error == EINVAL ? pass("clone3(2) knows set_tid") : failed_call("clone3(2) with set_tid", error);
}
ProbeResult set_tid() {
  if (const ProbeResult by_clone3 = clone3_set_tid(); by_clone3.status == Status::pass) return by_clone3;
  UniqueFd fd(open("/proc/sys/kernel/ns_last_pid", O_RDWR | O_CLOEXEC));
  return fd ? pass("/proc/sys/kernel/ns_last_pid opens for writing")
            : failed_call("clone3(2) without set_tid, and /proc/sys/kernel/ns_last_pid", errno,
                          CAP_CHECKPOINT_RESTORE);
}
ProbeResult clone3_answer() {
  const int error = clone3_errno();
  if (error == EINVAL || error == ENOSYS || error == E2BIG) return pass(answer("clone3(2)", error));
  return fail(answer("clone3(2)", error));
}

ProbeResult pidfd() {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!fd) return failed_call("pidfd_open(2)", errno);
  UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, fd.get(), fd.get(), 0)));
  return copy ? pass("pidfd_open(2) and pidfd_getfd(2): work") : failed_call("pidfd_getfd(2)", errno);
}
ProbeResult openat2_probe() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return fd ? pass("openat2(2): works") : failed_call("openat2(2)", errno);
}
ProbeResult close_range_probe() {
  constexpr unsigned high = 0x7ffffff0;
  return syscall(SYS_close_range, high, high, 0) == 0 ? pass("close_range(2): works")
                                                      : failed_call("close_range(2)", errno);
}
ProbeResult rseq() {
  // A length of 0 is never right, so nothing is registered.
  const long result = syscall(SYS_rseq, nullptr, 0, 0, 0);
  const int error = result < 0 ? errno : 0;
  return error == ENOSYS ? fail(answer("rseq(2)", error)) : pass("rseq(2) exists");
}
ProbeResult aio() {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context) != 0) return failed_call("io_setup(2)", errno);
  syscall(SYS_io_destroy, context);
  return pass("io_setup(2): works");
}
ProbeResult seccomp_filter() {
  unsigned action = SECCOMP_RET_ALLOW;
  const long result = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
  return result == 0 ? pass("seccomp(2) filters: work") : failed_call("seccomp(2)", errno);
}
ProbeResult sigqueueinfo() {
  // A positive si_code for oneself is what CRIU's restore sends; the signal stays blocked.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  siginfo_t info{};
  info.si_signo = SIGUSR1;
  info.si_code = 1;
  return syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info) == 0
             ? pass("rt_sigqueueinfo(2) to oneself: works")
             : failed_call("rt_sigqueueinfo(2)", errno);
}
// Two user buffers whose pages begin in the middle.
ProbeResult unaligned_vmsplice() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return unknown("pipe failed");
  UniqueFd in(ends[0]), out(ends[1]);
  static char buffer[64];
  iovec part{buffer + 3, 16};
  return vmsplice(out.get(), &part, 1, SPLICE_F_GIFT | SPLICE_F_NONBLOCK) > 0
             ? pass("unaligned vmsplice(2): works")
             : failed_call("unaligned vmsplice(2)", errno);
}
ProbeResult fsopen_probe() {
  UniqueFd fd(static_cast<int>(syscall(SYS_fsopen, "tmpfs", 0x1U)));
  return fd ? pass("fsopen(2): works") : failed_call("fsopen(2)", errno, CAP_SYS_ADMIN);
}
ProbeResult no_io_uring() {
  constexpr int too_many = 1 << 30;
  const long result = syscall(SYS_io_uring_setup, too_many, nullptr);
  const int error = result < 0 ? errno : 0;
  return error == ENOSYS || error == EPERM ? pass(answer("io_uring_setup(2)", error))
                                           : fail("io_uring_setup(2) works here");
}
ProbeResult compat_restore() {
#if defined(__x86_64__)
  // ARCH_MAP_VDSO_32 at 0: EEXIST where it is known (a vdso is there already), EINVAL where it is not.
  const long result = syscall(SYS_arch_prctl, 0x2002, 0);
  const int error = result < 0 ? errno : 0;
  return error == EINVAL ? fail(answer("arch_prctl(ARCH_MAP_VDSO_32)", error))
                         : pass("arch_prctl(ARCH_MAP_VDSO_32) is known");
#else
  return not_applicable("32-bit x86 tasks");
#endif
}

}  // namespace

std::vector<Probe> syscall_probes() {
  return {{"membarrier", membarrier},
          {"madvise-guard", madvise_guard},
          {"no-guard-regions", no_guard_regions},
          {"memfd", memfd_create_probe},
          {"memfd-answer", memfd_answer},
          {"memfd-hugetlb-answer", memfd_hugetlb_answer},
          {"madvise", plain_madvise},
          {"userfaultfd-answer", userfaultfd_answer},
          {"memfd-hugetlb", memfd_hugetlb},
          {"userfaultfd", userfaultfd},
          {"kcmp", kcmp_vm},
          {"kcmp-epoll", kcmp_epoll},
          {"prctl-tid-address", prctl_tid_address},
          {"prctl-mm-map", prctl_mm_map},
          {"getowner-uids", getowner_uids},
          {"clone3-set-tid", clone3_set_tid},
          {"set-tid", set_tid},
          {"clone3-answer", clone3_answer},
          {"pidfd", pidfd},
          {"openat2", openat2_probe},
          {"close-range", close_range_probe},
          {"rseq", rseq},
          {"aio", aio},
          {"seccomp-filter", seccomp_filter},
          {"sigqueueinfo", sigqueueinfo},
          {"unaligned-vmsplice", unaligned_vmsplice},
          {"fsopen", fsopen_probe},
          {"no-io-uring", no_io_uring},
          {"compat-restore", compat_restore}};
}

}  // namespace cg::probes
