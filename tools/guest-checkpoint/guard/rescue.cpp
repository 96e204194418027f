#include "guard/rescue.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <optional>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "procfs/directory.h"
#include "procfs/maps.h"
#include "procfs/scan.h"
#include "procfs/status.h"

namespace cg::checkpoint {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t code_bytes = 64;                      // more than criu overwrites
constexpr std::uint64_t most_memory = 512ULL << 20;         // of criu's that is looked through
constexpr std::string_view criu_mapping = "memfd:CRIUMFD";  // compel's

std::string read_memory(int pid, std::uint64_t address, std::size_t size) {
  const UniqueFd memory(open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes(size, 0);
  if (!memory) return {};
  const ssize_t got = pread(memory.get(), bytes.data(), size, static_cast<off_t>(address));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

void write_memory(int pid, std::uint64_t address, std::string_view bytes) {
  const UniqueFd memory(open(fmt::format("/proc/{}/mem", pid).c_str(), O_WRONLY | O_CLOEXEC));
  if (memory) (void)!pwrite(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
}

// A line of /proc/PID/maps.
struct Area {
  std::uint64_t begin = 0, end = 0;
  std::string permissions, name;
};
std::vector<Area> areas_of(int pid) {
  std::vector<Area> areas;
  const auto text = read_file(fmt::format("/proc/{}/maps", pid));
  if (!text) return areas;
  for (std::string_view line : split_lines(*text)) {
    Area area;
    std::string_view range = procfs::take_word(line);
    area.begin = procfs::to_number<std::uint64_t>(procfs::take_word(range, '-'), 16).value_or(0);
    area.end = procfs::to_number<std::uint64_t>(procfs::take_word(range, '-'), 16).value_or(0);
    area.permissions = procfs::take_word(line);
    for (int skipped = 0; skipped < 3; ++skipped) procfs::take_word(line);
    area.name = trim(line);
    areas.push_back(std::move(area));
  }
  return areas;
}

char state_of(int pid, int tid) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/stat", pid, tid));
  const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
  return stat ? stat->state : 0;
}

}  // namespace

Before remember(const tree::Snapshot& snapshot) {
  Before before;
  for (const auto& task : snapshot.tasks) {
    if (task.zombie()) continue;
    if (task.status.state == 'T') before.stopped.push_back(task.pid);
    for (const auto& area : areas_of(task.pid)) {
      if (!area.permissions.contains('x')) continue;
      before.code[task.pid] = {area.begin, read_memory(task.pid, area.begin, code_bytes)};
      break;
    }
  }
  return before;
}

void Rescue::hold(pid_t criu) {
  const auto proc = procfs::Directory::open("/proc");
  for (const int pid : proc ? proc->numbers().value_or(std::vector<int>()) : std::vector<int>()) {
    const auto line = proc->read_small(fmt::format("{}/stat", pid).c_str());
    const auto stat = line ? procfs::parse_stat(*line) : Result<procfs::Stat>(cannot(""));
    if (stat && stat->parent == criu) helpers_.push_back(pid);
    const auto tasks = procfs::Directory::open(fmt::format("/proc/{}/task", pid));
    for (const int tid : tasks ? tasks->numbers().value_or(std::vector<int>()) : std::vector<int>()) {
      const auto text = tasks->read_small(fmt::format("{}/status", tid).c_str());
      const auto status = text ? procfs::parse_status(*text) : Result<procfs::Status>(cannot(""));
      if (status && status->tracer == criu) threads_.push_back({pid, tid});
    }
  }
  if (threads_.empty()) return;
  std::uint64_t total = 0;
  for (const auto& area : areas_of(criu)) {
    // Its stack has copies that were changed for a call.
    if (!area.permissions.starts_with("rw-p") || area.name == "[stack]") continue;
    if (total + (area.end - area.begin) > most_memory) continue;
    total += area.end - area.begin;
    memory_.push_back({area.begin, read_memory(criu, area.begin, area.end - area.begin)});
  }
  std::set<int> pids;
  for (const auto& thread : threads_)
    if (pids.insert(thread.pid).second) kill(thread.pid, SIGSTOP);
}

#if defined(__x86_64__)

namespace {

using Registers = user_regs_struct;
constexpr std::uint64_t bit(int number) {
  return 1ULL << (number - 1);
}
constexpr std::uint64_t full_mask = ~(bit(SIGKILL) | bit(SIGSTOP));

// What criu sets while it works in a task; the kernel takes SIGTRAP out of it at the first trap.
bool is_criu_mask(std::uint64_t mask) {
  return (mask | bit(SIGTRAP)) == full_mask;
}

bool wait_for_stop(int tid, milliseconds limit = milliseconds(2000)) {
  for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
    int status = 0;
    const pid_t got = waitpid(tid, &status, __WALL | WNOHANG);
    if (got == tid) return WIFSTOPPED(status);
    if (got < 0 && errno != EINTR) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

// A thread that is stopped and ours.
class Held {
 public:
  static std::optional<Held> take(int tid) {
    if (ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) return std::nullopt;
    ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    Held held(tid);
    if (!wait_for_stop(tid)) return std::nullopt;
    if (ptrace(PTRACE_GETREGS, tid, nullptr, &held.registers) != 0) return std::nullopt;
    ptrace(PTRACE_GETSIGMASK, tid, reinterpret_cast<void*>(sizeof held.mask), &held.mask);
    return held;
  }
  void set(const Registers& wish) { ptrace(PTRACE_SETREGS, tid, nullptr, &wish); }
  void set_mask(std::uint64_t wish) {
    ptrace(PTRACE_SETSIGMASK, tid, reinterpret_cast<void*>(sizeof wish), &wish);
  }
  void let_go() { ptrace(PTRACE_DETACH, tid, nullptr, nullptr); }

  int tid;
  Registers registers{};
  std::uint64_t mask = 0;

 private:
  explicit Held(int number) : tid(number) {}
};

struct Saved {
  Registers registers{};
  std::uint64_t mask = 0;
};

// Whether registers at `at` are this thread's: forked tasks have the same TLS base. compel's struct
// parasite_thread_ctl begins with the tid, a pointer and the mask; of a leader they stand in struct
// parasite_ctl, which begins with the pid, less than a kilobyte above.
bool belongs_to(std::string_view bytes, std::size_t at, int pid, int tid) {
  constexpr std::size_t tid_before = 24;
  constexpr std::size_t pid_before = 1024;
  const auto word = [&](std::size_t place) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + place, sizeof value);
    return value;
  };
  if (at >= tid_before &&
      static_cast<std::uint32_t>(word(at - tid_before)) == static_cast<std::uint32_t>(tid))
    return true;
  if (pid != tid) return false;
  for (std::size_t back = 48; back <= pid_before && back <= at; back += 8)
    if (word(at - back) == static_cast<std::uint64_t>(pid)) return true;
  return false;
}

// The places in criu's memory that hold this thread's registers as they were; nullopt: none, or different
// ones.
template <class Pieces, class Foreign>
std::optional<Saved> find_saved(const Pieces& memory, const Held& held, int pid, const Foreign& is_foreign) {
  std::optional<Saved> found;
  constexpr std::size_t base_at = offsetof(Registers, fs_base);
  for (const auto& piece : memory) {
    const std::string_view bytes = piece.bytes;
    for (std::size_t at = 8; at + sizeof(Registers) <= bytes.size(); at += 8) {
      std::uint64_t base = 0;
      std::memcpy(&base, bytes.data() + at + base_at, sizeof base);
      if (base != held.registers.fs_base || !belongs_to(bytes, at, pid, held.tid)) continue;
      Saved here;
      std::memcpy(&here.registers, bytes.data() + at, sizeof here.registers);
      std::memcpy(&here.mask, bytes.data() + at - 8, sizeof here.mask);
      const Registers& r = here.registers;
      if (r.gs_base != held.registers.gs_base || r.cs != held.registers.cs || r.ss != held.registers.ss ||
          (here.mask & ~full_mask) != 0 || is_foreign(r.rip))
        continue;
      if (found && std::memcmp(&found->registers, &r, sizeof r) != 0) return std::nullopt;
      if (!found) found = here;
    }
  }
  return found;
}

// Runs one system call in a thread that is ours. `place` is executable, and its bytes are put back.
std::optional<long> call_in(Held& held, int pid, std::uint64_t place, long number,
                            const std::array<std::uint64_t, 2>& arguments) {
  const std::string before = read_memory(pid, place, 8);
  if (before.size() != 8) return std::nullopt;
  write_memory(pid, place, std::string_view("\x0f\x05\xcc\x90\x90\x90\x90\x90", 8));
  held.set_mask(full_mask);
  Registers call = held.registers;
  call.rip = place;
  call.rax = static_cast<unsigned long long>(number);
  call.orig_rax = ~0ULL;
  call.rdi = arguments[0];
  call.rsi = arguments[1];
  held.set(call);
  std::optional<long> result;
  if (ptrace(PTRACE_CONT, held.tid, nullptr, nullptr) == 0 && wait_for_stop(held.tid) &&
      ptrace(PTRACE_GETREGS, held.tid, nullptr, &call) == 0)
    result = static_cast<long>(call.rax);
  write_memory(pid, place, before);
  held.set(held.registers);
  held.set_mask(held.mask);
  return result;
}

// Whether that descriptor of the task is what compel leaves: its memfd, or a nameless seqpacket socket whose
// other end is gone.
bool is_criu_descriptor(int pid, int fd, const std::string& link) {
  if (link.contains(criu_mapping)) return true;
  if (!link.starts_with("socket:")) return false;
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const UniqueFd copy(process ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), fd, 0)) : -1);
  int type = 0;
  socklen_t size = sizeof type;
  sockaddr_storage name{};
  socklen_t name_size = sizeof name;
  if (!copy || getsockopt(copy.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET ||
      getsockname(copy.get(), reinterpret_cast<sockaddr*>(&name), &name_size) != 0 ||
      name.ss_family != AF_UNIX || name_size > sizeof(sa_family_t))
    return false;
  char byte = 0;
  return recv(copy.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 || errno == ENOTCONN || errno == ECONNRESET;
}

void remove_what_criu_left(int pid, Held& held, std::uint64_t place) {
  for (const auto& area : areas_of(pid))
    if (area.name.contains(criu_mapping))
      (void)call_in(held, pid, place, SYS_munmap, {area.begin, area.end - area.begin});
  const auto fds = procfs::Directory::open(fmt::format("/proc/{}/fd", pid));
  for (const int fd : fds ? fds->numbers().value_or(std::vector<int>()) : std::vector<int>())
    if (const auto link = fds->link(std::to_string(fd).c_str()); link && is_criu_descriptor(pid, fd, *link))
      (void)call_in(held, pid, place, SYS_close, {static_cast<std::uint64_t>(fd), 0});
}

}  // namespace

Rescued Rescue::release() {
  Rescued result;
  for (const int pid : helpers_) kill(pid, SIGKILL);
  std::map<int, std::vector<int>> processes;
  for (const auto& thread : threads_) processes[thread.pid].push_back(thread.tid);
  result.tasks = processes.size();
  for (const auto& [pid, tids] : processes) {
    for (int look = 0; look < 400; ++look) {  // the stop is on its way
      const bool all = std::ranges::all_of(tids, [pid](int tid) {
        const char state = state_of(pid, tid);
        return state == 'T' || state == 'Z' || state == 0;
      });
      if (all) break;
      std::this_thread::sleep_for(milliseconds(5));
    }
    const auto code = before_.code.find(pid);
    const std::uint64_t place = code == before_.code.end() ? 0 : code->second.address;
    std::vector<Area> criu_areas = areas_of(pid);
    std::erase_if(criu_areas, [](const Area& area) { return !area.name.contains(criu_mapping); });
    const auto is_foreign = [&](std::uint64_t ip) {
      return (place != 0 && ip >= place && ip < place + code_bytes) ||
             std::ranges::any_of(criu_areas,
                                 [ip](const Area& area) { return ip >= area.begin && ip < area.end; });
    };
    std::vector<Held> held;
    bool infected = !criu_areas.empty();
    for (const int tid : tids) {
      auto one = Held::take(tid);
      if (!one) {
        if (state_of(pid, tid) != 0)
          result.trouble.push_back(fmt::format("thread {} of {} could not be looked at", tid, pid));
        continue;
      }
      const bool in_criu_code = is_foreign(one->registers.rip);
      const auto saved =
          in_criu_code || is_criu_mask(one->mask) ? find_saved(memory_, *one, pid, is_foreign) : std::nullopt;
      if (in_criu_code && saved) {
        ++result.repaired;
        infected = true;
        one->registers = saved->registers;
        one->set(one->registers);
      } else if (in_criu_code) {
        result.trouble.push_back(
            fmt::format("thread {} of {} is in criu's code, and what it was before is not known", tid, pid));
      }
      if (saved && is_criu_mask(one->mask)) {
        one->mask = saved->mask;
        one->set_mask(one->mask);
      }
      held.push_back(*one);
    }
    if (!held.empty() && place != 0) {
      if (read_memory(pid, place, code->second.bytes.size()) != code->second.bytes)
        write_memory(pid, place, code->second.bytes);
      if (infected) remove_what_criu_left(pid, held.front(), place);
    }
    for (auto& one : held) one.let_go();
    if (std::ranges::find(before_.stopped, pid) == before_.stopped.end()) kill(pid, SIGCONT);
  }
  return result;
}

#else

Rescued Rescue::release() {
  Rescued result;
  for (const int pid : helpers_) kill(pid, SIGKILL);
  std::set<int> pids;
  for (const auto& thread : threads_) pids.insert(thread.pid);
  result.tasks = pids.size();
  for (const int pid : pids)
    if (std::ranges::find(before_.stopped, pid) == before_.stopped.end()) kill(pid, SIGCONT);
  return result;
}

#endif

}  // namespace cg::checkpoint
