// The process counts in a file, so that one that came back alive can be told from a corpse. What is left of a
// criu that was killed, and of the process itself, comes to us: for the time of the trial this process is the
// subreaper of what it starts. Should kcheck itself be killed, the process ends of its own accord.
#include "tasks/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "procfs/directory.h"
#include "procfs/status.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* without_breakpoints = "CRIU_FAULT=130";
constexpr milliseconds beat{10};
constexpr milliseconds longest_life = std::chrono::minutes(2);

// The children of this process, by all of /proc: not every kernel lists them (PROC_CHILDREN).
std::set<int> children() {
  std::set<int> result;
  const auto proc = procfs::Directory::open("/proc");
  const auto pids = proc ? proc->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  for (const int pid : pids ? *pids : std::vector<int>()) {
    const auto text = proc->read_small(fmt::format("{}/stat", pid).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat && stat->parent == getpid()) result.insert(pid);
  }
  return result;
}

class Subreaper {
 public:
  Subreaper() : before_(children()) {
    prctl(PR_GET_CHILD_SUBREAPER, &was_);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~Subreaper() {
    reap();
    prctl(PR_SET_CHILD_SUBREAPER, was_);
  }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  void expect(pid_t pid) { expected_ = pid; }
  // Ends whatever came to us since the begin; what a child leaves comes in its turn.
  void reap() const {
    // Twice nobody: a child's child is on its way to us for a moment.
    for (int round = 0, nobody = 0; round < 200 && nobody < 2; ++round) {
      std::set<int> ours = children();
      if (expected_ > 0 && kill(expected_, 0) == 0 && getsid(expected_) == expected_) ours.insert(expected_);
      std::erase_if(ours, [&](int pid) { return before_.contains(pid); });
      nobody = ours.empty() ? nobody + 1 : 0;
      for (const int pid : ours) {
        kill(pid, SIGKILL);
        kill(pid, SIGCONT);
        waitpid(pid, nullptr, WNOHANG);
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
  }

 private:
  std::set<int> before_;
  int was_ = 0;
  pid_t expected_ = -1;
};

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::error_code ignored;
    std::string pattern = (fs::temp_directory_path(ignored) / "kcheck-trial-XXXXXX").string();
    if (mkdtemp(pattern.data())) path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

[[noreturn]] void count_in(const char* file) {
  setsid();
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  const int record = dup2(open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600), 3);
  syscall(SYS_close_range, 4U, ~0U, 0U);
  for (std::uint64_t count = 1; count < static_cast<std::uint64_t>(longest_life / beat); ++count) {
    if (pwrite(record, &count, sizeof count, 0) != sizeof count) _exit(1);
    usleep(std::chrono::duration_cast<std::chrono::microseconds>(beat).count());
  }
  _exit(0);
}

std::uint64_t counted(const fs::path& file) {
  std::uint64_t count = 0;
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  return fd && pread(fd.get(), &count, sizeof count, 0) == sizeof count ? count : 0;
}

bool counts_on(const fs::path& file) {
  const std::uint64_t before = counted(file);
  for (int look = 0; look < 200; ++look) {
    if (counted(file) > before) return true;
    std::this_thread::sleep_for(beat);
  }
  return false;
}

// What criu says of itself: its first errors, and the line it came to.
std::vector<std::string> signs(const fs::path& log, const std::string& printed) {
  const std::string text = read_file(log, 64 << 20).value_or(printed);
  std::vector<std::string> result;
  std::string last;
  for (const auto line : split_lines(text)) {
    const auto trimmed = trim(line);
    if (trimmed.empty()) continue;
    last = trimmed;
    if (trimmed.contains("Error (") && result.size() < 2) result.emplace_back(trimmed);
  }
  if (!last.empty() && (result.empty() || result.back() != last)) result.push_back(last);
  return result;
}

class TrialRun {
 public:
  TrialRun(const std::string& criu, milliseconds limit, std::string environment)
      : criu_(criu), limit_(limit) {
    trial_.criu = criu;
    trial_.environment = std::move(environment);
  }
  Result<Trial> run();

 private:
  // Whether the step was done; else the trial says why not.
  bool command(Trial::Step step, std::vector<std::string> words, const std::string& log);

  const std::string& criu_;
  milliseconds limit_;
  Trial trial_;
  ScratchDirectory directory_;
};

bool TrialRun::command(Trial::Step step, std::vector<std::string> words, const std::string& log) {
  const std::string images = directory_.path().string();
  words.insert(words.begin(), criu_);
  words.insert(words.end(), {"--images-dir", images, "-v4", "--log-file", log});
  ProcessOptions options;
  options.timeout = limit_;
  if (const auto equals = trial_.environment.find('='); equals != std::string::npos)
    options.set_variables[trial_.environment.substr(0, equals)] = trial_.environment.substr(equals + 1);
  const auto done = cg::run(words, options);
  if (done && done->status == 0 && !done->timed_out) return true;
  trial_.failed = step;
  trial_.hung = done && done->timed_out;
  trial_.log = signs(directory_.path() / log, done ? done->err : done.error().message);
  return false;
}

Result<Trial> TrialRun::run() {
  if (directory_.path().empty()) return cannot_errno("a directory for the trial", errno);
  const fs::path record = directory_.path() / "count";
  Subreaper reaper;
  const auto begin = Clock::now();
  const pid_t pid = fork();
  if (pid < 0) return cannot_errno("fork", errno);
  if (pid == 0) count_in(record.c_str());
  reaper.expect(pid);
  if (!counts_on(record)) return cannot("the process for the trial does not come to run");
  bool done = command(Trial::Step::dump, {"dump", "--tree", std::to_string(pid)}, "dump.log");
  if (done) {
    kill(pid, SIGKILL);  // criu has; whoever else calls itself criu may not
    waitpid(pid, nullptr, 0);
    done = command(Trial::Step::restore, {"restore", "--restore-detached"}, "restore.log");
  }
  if (done && !counts_on(record)) {
    trial_.failed = Trial::Step::life;
    trial_.log = signs(directory_.path() / "restore.log", "");
  }
  trial_.time = Clock::now() - begin;
  return std::move(trial_);
}

std::string_view step_name(Trial::Step step) {
  switch (step) {
    case Trial::Step::dump:
      return "dump";
    case Trial::Step::restore:
      return "restore";
    default:
      return "life after the restore";
  }
}

}  // namespace

Result<Trial> try_criu(const std::string& criu, milliseconds limit) {
  CG_TRY(trial, TrialRun(criu, limit, "").run());
  if (!trial.hung) return trial;
  CG_TRY(again, TrialRun(criu, limit, without_breakpoints).run());
  return again.failed == Trial::Step::none ? std::move(again) : std::move(trial);
}

Finding finding_of(const Trial& trial) {
  Finding finding;
  finding.id = "live.trial";
  finding.title = "a process was dumped and restored, to see whether it works";
  finding.severity =
      trial.failed == Trial::Step::none || trial.failed == Trial::Step::dump ? "dump" : "restore";
  finding.required = true;
  finding.seen = fmt::format("{} in {:.1f} s", trial.criu, trial.time.count());
  if (trial.failed == Trial::Step::none && trial.environment.empty()) return finding;
  if (trial.failed == Trial::Step::none) {
    finding.verdict = Verdict::warn;
    finding.seen += fmt::format("; it hangs as it is, and works with {}", trial.environment);
    finding.fix = fmt::format("{} in the environment of every dump and restore", trial.environment);
    return finding;
  }
  finding.verdict = Verdict::fail;
  finding.seen += fmt::format("; the {} {}", step_name(trial.failed), trial.hung ? "hangs" : "failed");
  finding.breaks = trial.hung ? fmt::format("every {} waits without end", step_name(trial.failed))
                              : fmt::format("every {} fails", step_name(trial.failed));
  finding.notes = trial.log;
  finding.fix = "what stands above names the cause; `kcheck explain LOG` on a log of your own says more";
  return finding;
}

void outrank(Finding& finding, const Trial& trial) {
  const bool proven = finding.severity == "startup" ||
                      (finding.id.starts_with("kernel.breakpoints") && trial.environment.empty());
  if (!proven || finding.verdict != Verdict::fail) return;
  finding.verdict = Verdict::warn;
  finding.seen += "; the trial worked all the same";
}

}  // namespace cg
