// What CRIU asks of ptrace, asked of a child made for it: one child for all probes, with a seccomp filter
// that allows everything so that there is a filter to read.
#include <elf.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>

#include "probes/probe.h"

namespace cg::probes {
namespace {

// Requests by number: this file includes glibc's header, which may be older than they are.
constexpr long ptrace_peeksiginfo = 0x4209, ptrace_getsigmask = 0x420a, ptrace_seccomp_get_filter = 0x420c,
               ptrace_get_rseq_configuration = 0x420f;
constexpr long option_suspend_seccomp = 1 << 21;

long request(long what, pid_t pid, void* address, void* data) {
  return syscall(SYS_ptrace, what, pid, address, data);
}

// A child that stops, and then leads the `life` it was made for.
[[noreturn]] void be_traced(void (*life)()) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (request(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(errno);
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  sock_fprog program{1, &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  raise(SIGSTOP);
  life();
  _exit(0);
}

class Tracee {
 public:
  explicit Tracee(void (*life)()) : pid_(fork()) {
    if (pid_ == 0) be_traced(life);
    int status = 0;
    stopped_ = pid_ > 0 && waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status);
    if (pid_ > 0 && WIFEXITED(status)) error_ = WEXITSTATUS(status);
  }
  ~Tracee() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;
  pid_t pid() const { return pid_; }
  bool stopped() const { return stopped_; }
  int error() const { return error_; }  // why PTRACE_TRACEME did not work

 private:
  pid_t pid_;
  bool stopped_ = false;
  int error_ = 0;
};

// The child process that runs the probes has one tracee, and takes it along when it ends.
const Tracee& tracee() {
  static const Tracee instance([] {});
  return instance;
}

ProbeResult ask(const std::string& what, long number, void* address, void* data, int capability = -1) {
  if (!tracee().stopped()) return failed_call("ptrace(PTRACE_TRACEME)", tracee().error());
  if (request(number, tracee().pid(), address, data) >= 0) return pass(what + ": works");
  return failed_call(what, errno, capability);
}

ProbeResult rseq_configuration() {
  std::array<char, 64> configuration{};
  constexpr std::uintptr_t size = 24;  // struct ptrace_rseq_configuration
  return ask("ptrace(PTRACE_GET_RSEQ_CONFIGURATION)", ptrace_get_rseq_configuration,
             reinterpret_cast<void*>(size), configuration.data());
}
// Without rseq(2) there is nothing to ask for.
ProbeResult rseq_configuration_or_none() {
  if (syscall(SYS_rseq, nullptr, 0, 0, 0) < 0 && errno == ENOSYS)
    return pass("rseq(2) does not exist, and so no task uses it");
  return rseq_configuration();
}
ProbeResult peek_siginfo() {
  struct {
    std::uint64_t offset = 0;
    std::uint32_t flags = 0;
    std::int32_t count = 1;
  } arguments;
  std::array<char, 256> information{};
  return ask("ptrace(PTRACE_PEEKSIGINFO)", ptrace_peeksiginfo, &arguments, information.data());
}
ProbeResult signal_mask() {
  std::uint64_t mask = 0;
  return ask("ptrace(PTRACE_GETSIGMASK)", ptrace_getsigmask, reinterpret_cast<void*>(sizeof mask), &mask);
}
ProbeResult seccomp_get_filter() {
  return ask("ptrace(PTRACE_SECCOMP_GET_FILTER)", ptrace_seccomp_get_filter, nullptr, nullptr, CAP_SYS_ADMIN);
}
ProbeResult seccomp_suspend() {
  return ask("ptrace(PTRACE_O_SUSPEND_SECCOMP)", PTRACE_SETOPTIONS, nullptr,
             reinterpret_cast<void*>(option_suspend_seccomp), CAP_SYS_ADMIN);
}
ProbeResult registers() {
#if defined(__x86_64__)
  static std::array<char, 16384> state;
  iovec vector{state.data(), state.size()};
  constexpr std::uintptr_t nt_x86_xstate = 0x202;
  return ask("ptrace(PTRACE_GETREGSET, NT_X86_XSTATE)", PTRACE_GETREGSET,
             reinterpret_cast<void*>(nt_x86_xstate), &vector);
#else
  return not_applicable("x86 register state");
#endif
}
#if defined(__x86_64__)
// Where the breakpoint is. A child that comes past it stops by SIGSTOP instead.
[[gnu::noinline]] void landmark() {
  raise(SIGSTOP);
  _exit(0);
}
// Whether the debug registers of `pid` take a breakpoint at the landmark.
bool set_breakpoint(pid_t pid) {
  const auto poke = [&](std::size_t index, std::uintptr_t value) {
    const auto offset = offsetof(struct user, u_debugreg) + index * sizeof(long);
    return request(PTRACE_POKEUSER, pid, reinterpret_cast<void*>(offset), reinterpret_cast<void*>(value));
  };
  return poke(0, reinterpret_cast<std::uintptr_t>(&landmark)) == 0 && poke(7, 1) == 0;
}
ProbeResult hardware_breakpoint_set() {
  if (!tracee().stopped()) return failed_call("ptrace(PTRACE_TRACEME)", tracee().error());
  if (!set_breakpoint(tracee().pid()))
    return failed_call("ptrace(PTRACE_POKEUSER) of a debug register", errno);
  return pass("a hardware breakpoint can be set");
}
// Hypervisors that do not hand the debug registers on (AMD SEV, some Firecracker hosts) take the values, and
// nothing ever comes of them.
ProbeResult hardware_breakpoint() {
  const Tracee child(landmark);
  if (!child.stopped()) return failed_call("ptrace(PTRACE_TRACEME)", child.error());
  if (!set_breakpoint(child.pid())) return not_applicable("no hardware breakpoint can be set");
  int status = 0;
  if (request(PTRACE_CONT, child.pid(), nullptr, nullptr) != 0 ||
      waitpid(child.pid(), &status, 0) != child.pid())
    return failed_call("ptrace(PTRACE_CONT)", errno);
  if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) return pass("a hardware breakpoint fires");
  return fail("a hardware breakpoint can be set, and does not fire");
}
#else
ProbeResult hardware_breakpoint_set() {
  return not_applicable("x86 debug registers");
}
ProbeResult hardware_breakpoint() {
  return not_applicable("x86 debug registers");
}
#endif

}  // namespace

std::vector<Probe> ptrace_probes() {
  return {{"rseq-configuration", rseq_configuration},
          {"rseq-configuration-or-none", rseq_configuration_or_none},
          {"peek-siginfo", peek_siginfo},
          {"signal-mask", signal_mask},
          {"seccomp-get-filter", seccomp_get_filter},
          {"seccomp-suspend", seccomp_suspend},
          {"xstate", registers},
          {"hardware-breakpoint-set", hardware_breakpoint_set},
          {"hardware-breakpoint", hardware_breakpoint}};
}

}  // namespace cg::probes
