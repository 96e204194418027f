#include "guard/guarded_criu.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "procfs/directory.h"
#include "procfs/status.h"

extern char** environ;

namespace cg::checkpoint {
namespace {

using Clock = std::chrono::steady_clock;
using How = GuardedEnd::How;
using std::chrono::milliseconds;

constexpr milliseconds beat{20};

// SIGINT, SIGTERM and SIGHUP are looked for while criu runs, and change nothing by themselves.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, number);
    sigprocmask(SIG_BLOCK, &set_, &before_);
  }
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Waits for one, up to `limit`; whether it is one that asks us to end.
  bool wait(milliseconds limit) {
    const timespec time{static_cast<time_t>(limit.count() / 1000), (limit.count() % 1000) * 1'000'000};
    const int got = sigtimedwait(&set_, nullptr, &time);
    return got == SIGINT || got == SIGTERM || got == SIGHUP;
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

// Grows as long as a process does anything: its time on the CPU and what it has written.
std::uint64_t life_of(pid_t pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid)).value_or("");
  const auto io = read_file(fmt::format("/proc/{}/io", pid)).value_or("");
  std::uint64_t sum = 0;
  const auto words = split(stat.substr(std::min(stat.rfind(')') + 2, stat.size())), ' ');
  for (std::size_t at = 11; at < 15 && at < words.size(); ++at)
    sum += std::strtoull(words[at].c_str(), nullptr, 10);
  for (const auto line : split_lines(io))
    if (line.starts_with("rchar: ") || line.starts_with("wchar: "))
      sum += std::strtoull(std::string(line.substr(7)).c_str(), nullptr, 10);
  return sum;
}

// Whether this very program, as criu's script, is at work for it: writing out what a slow disk takes in.
bool commits(pid_t criu) {
  const auto proc = procfs::Directory::open("/proc");
  for (const int pid : proc ? proc->numbers().value_or(std::vector<int>()) : std::vector<int>()) {
    const auto text = proc->read_small(fmt::format("{}/stat", pid).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat && stat->parent == criu && stat->comm.starts_with("guest-checkpoi")) return true;
  }
  return false;
}

class Guard {
 public:
  explicit Guard(const GuardedRun& run) : run_(run) {
    if (run.before) rescue_.emplace(*run.before);
  }
  Result<GuardedEnd> run();

 private:
  Result<void> start();
  void on_stop(int status);
  void look_for_life();
  void end_it(How how);
  void kill_in_a_good_moment();

  const GuardedRun& run_;
  HeldSignals signals_;
  std::optional<Rescue> rescue_;
  GuardedEnd end_;
  pid_t pid_ = -1;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_look_ = begin_;
  milliseconds still_{0};  // for so long it has not moved, though it could have
  std::uint64_t life_ = 0;
  bool held_ = false;
  Clock::time_point kill_before_{};
  bool kill_sent_ = false;
};

Result<void> Guard::start() {
  const auto program = find_program(run_.argv.at(0));
  if (!program) return cannot(run_.argv[0] + ": no such program on PATH");
  std::vector<std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    if (!run_.environment.contains(std::string(text.substr(0, text.find('='))))) variables.emplace_back(text);
  }
  for (const auto& [name, value] : run_.environment) variables.push_back(name + "=" + value);
  const auto pointers = [](const std::vector<std::string>& words) {
    std::vector<char*> result;
    for (const auto& word : words) result.push_back(const_cast<char*>(word.c_str()));
    result.push_back(nullptr);
    return result;
  };
  const auto argv = pointers(run_.argv);
  const auto envp = pointers(variables);
  const UniqueFd output(open(run_.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output) return cannot_errno(run_.output.string(), errno);
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> go{};
  std::array<int, 2> failure{};
  if (pipe2(go.data(), O_CLOEXEC) != 0 || pipe2(failure.data(), O_CLOEXEC) != 0)
    return cannot_errno("pipe", errno);
  UniqueFd go_read(go[0]);
  UniqueFd go_write(go[1]);
  const UniqueFd failure_read(failure[0]);
  UniqueFd failure_write(failure[1]);
  pid_ = fork();
  if (pid_ < 0) return cannot_errno("fork", errno);
  if (pid_ == 0) {  // only async-signal-safe calls
    setsid();
    close(go_write.get());
    char byte = 0;
    (void)!read(go_read.get(), &byte, 1);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &signals_.before(), nullptr);
    for (const int fd : run_.kept) fcntl(fd, F_SETFD, 0);
    if (dup2(null.get(), 0) >= 0 && dup2(output.get(), 1) >= 0 && dup2(output.get(), 2) >= 0)
      execve(program->c_str(), argv.data(), envp.data());
    const int error = errno;
    (void)!write(failure_write.get(), &error, sizeof error);
    _exit(127);
  }
  failure_write.reset();
  go_read.reset();
  end_.traced = rescue_ && ptrace(PTRACE_SEIZE, pid_, nullptr, PTRACE_O_TRACEEXIT) == 0;
  if (rescue_ && !end_.traced)
    end_.notes.push_back(fmt::format(
        "criu cannot be traced ({}): killed by others it could take tasks with it", std::strerror(errno)));
  go_write.reset();
  int error = 0;
  // Nobody else writes there; the end of the stream is criu's execve.
  if (read(failure_read.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    int status = 0;
    while (waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status))
      ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
    return cannot_errno(program->string(), error);
  }
  return {};
}

void Guard::on_stop(int status) {
  const int number = WSTOPSIG(status);
  const int event = status >> 16;
  if (event == PTRACE_EVENT_EXIT) {
    unsigned long how = 0;
    ptrace(PTRACE_GETEVENTMSG, pid_, nullptr, &how);
    // One that ends by itself has let its tasks go.
    if (WIFSIGNALED(static_cast<int>(how)) && rescue_) {
      rescue_->hold(pid_);
      held_ = true;
    }
    ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
  } else if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
    ptrace(PTRACE_LISTEN, pid_, nullptr, nullptr);  // stopped by somebody: it stays so
  } else if (event != 0) {
    ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
  } else {
    ptrace(PTRACE_CONT, pid_, nullptr, reinterpret_cast<void*>(static_cast<long>(number)));
  }
}

void Guard::end_it(How how) {
  if (end_.how != How::ended) return;
  end_.how = how;
  if (auto seen = look_at_process("/", pid_)) end_.seen = std::move(*seen);
  kill_before_ = Clock::now() + milliseconds(500);
}

// Not while criu waits for a task that runs a system call of criu's: such a one would be past help. Of a criu
// that waits for ever its tasks do nothing of the kind.
void Guard::kill_in_a_good_moment() {
  if (end_.how == How::ended || kill_sent_) return;
  const auto channel = read_file(fmt::format("/proc/{}/wchan", pid_)).value_or("");
  if (channel.contains("wait") && Clock::now() < kill_before_) return;
  kill_sent_ = kill(pid_, SIGKILL) == 0;
}

void Guard::look_for_life() {
  constexpr milliseconds between_looks{250};
  const auto now = Clock::now();
  const auto elapsed = std::chrono::duration_cast<milliseconds>(now - last_look_);
  if (elapsed < between_looks) return;
  last_look_ = now;
  const auto life = life_of(pid_);
  if (life != life_ || commits(pid_)) {
    life_ = life;
    still_ = milliseconds(0);
    return;
  }
  // A look that comes late says that the machine gave nobody its time, criu no more than us: a guest whose
  // host is busy.
  still_ += std::min(elapsed, 2 * between_looks);
  // Frozen tasks cannot run what criu puts into them. Thawed, the dump goes on; a kill would lose them.
  if (still_ > std::min(run_.still, milliseconds(2000)) && run_.thaw) {
    if (const auto what = run_.thaw(); !what.empty()) {
      end_.notes.push_back("criu waited for tasks that are frozen: " + what);
      still_ = milliseconds(0);
      return;
    }
  }
  if (still_ > run_.still) end_it(How::hung);
}

Result<GuardedEnd> Guard::run() {
  CG_CHECK(start());
  // Not the first to go when memory is short: it would take tasks with it. Those that it restores get their
  // own.
  if (rescue_) {
    const std::string file = fmt::format("/proc/{}/oom_score_adj", pid_);
    const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) (void)write_all(fd.get(), "-1000", file);
  }
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(pid_, &status, __WALL | WNOHANG);
    if (got == pid_ && WIFSTOPPED(status)) {
      on_stop(status);
      continue;
    }
    if (got == pid_) {
      end_.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      if (WIFSIGNALED(status) && end_.how == How::ended) end_.how = How::killed;
      break;
    }
    if (got < 0 && errno != EINTR) return cannot_errno("waiting for criu", errno);
    kill_in_a_good_moment();
    if (signals_.wait(end_.how == How::ended ? beat : milliseconds(1))) end_it(How::interrupted);
    if (Clock::now() - begin_ > run_.limit) end_it(How::out_of_time);
    look_for_life();
  }
  if (held_) end_.rescued = rescue_->release();
  end_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  return std::move(end_);
}

}  // namespace

Result<GuardedEnd> run_guarded(const GuardedRun& run) {
  return Guard(run).run();
}

}  // namespace cg::checkpoint
