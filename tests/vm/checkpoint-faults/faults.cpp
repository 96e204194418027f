// checkpoint-faults TOOL CRIU POINTS WORK: kills guest-checkpoint, and criu, at POINTS places of a dump and
// of a restore, fills the disk, takes the place away, pauses, runs two at once; and looks each time whether
// the tasks run or the images are whole, and nothing stays stopped. Prints a line for what is wrong and the
// figures in the end; exit status 1 when anything is wrong.
#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

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

constexpr int processes = 3;
constexpr int threads = 3;

void nap(int ms) {
  std::this_thread::sleep_for(milliseconds(ms));
}

// ---- the tree: three processes, each of them counts in a place of its own; threads that sleep; 16 MB

void* sleep_on(void*) {
  for (;;) usleep(1000);
}

[[noreturn]] void count(int fd, int place) {
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    pthread_create(&thread, nullptr, sleep_on, nullptr);
  }
  std::vector<char> memory(16 << 20, static_cast<char>(place + 1));
  for (std::uint64_t n = 1;; ++n) {
    (void)!pwrite(fd, &n, sizeof n, place * 8);
    memory[n % memory.size()] = static_cast<char>(n);
    usleep(1000);
  }
}

[[noreturn]] void be_the_tree(const std::string& record) {
  setsid();
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  const int fd = dup2(open(record.c_str(), O_RDWR | O_CREAT, 0600), 3);
  close_range(4, ~0U, 0);
  for (int place = 1; place < processes; ++place)
    if (fork() == 0) count(fd, place);
  count(fd, 0);
}

using Counters = std::array<std::uint64_t, processes>;

// `unlucky`: criu was killed by somebody else in the microseconds in which a task runs a system call of
// criu's; nobody can help such a one (docs/guest-checkpoint.md). Few may be.
struct Figures {
  int points = 0, lost = 0, unlucky = 0, stopped = 0, half = 0, other = 0;
  bool good() const { return lost + stopped + half + other == 0 && unlucky <= 1 + points / 8; }
  std::string text(const char* name) const {
    return fmt::format(
        "{}: {} points, {} trees lost, {} more to a kill of criu in its own system call, {} left stopped, {} "
        "half "
        "checkpoints, {} other faults",
        name, points, lost, unlucky, stopped, half, other);
  }
};

std::vector<std::pair<int, procfs::Stat>> all_processes() {
  std::vector<std::pair<int, procfs::Stat>> all;
  const auto proc = procfs::Directory::open("/proc");
  for (const int pid : proc ? proc->numbers().value_or(std::vector<int>()) : std::vector<int>()) {
    const auto text = proc->read_small(fmt::format("{}/stat", pid).c_str());
    if (const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot("")))
      all.emplace_back(pid, *stat);
  }
  return all;
}

class Faults {
 public:
  Faults(std::string tool, std::string criu, int points, fs::path work)
      : tool_(std::move(tool)), criu_(std::move(criu)), points_(points), work_(std::move(work)) {
    setenv("TMPDIR", work_.c_str(), 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a killed tool leaves comes here
  }
  int run();

 private:
  void start();
  void end_tree();
  std::vector<int> tree() const;
  Counters counters() const;
  // Whether every process of the tree counts, now or soon.
  bool counts() const;
  bool anything_stopped() const;
  bool is_whole(const fs::path& directory) const;
  pid_t begin(const std::vector<std::string>& words) const;
  ProcessResult call(const std::vector<std::string>& words) const;
  int criu_of(pid_t tool) const;
  void wait_for_criu() const;
  std::size_t lines(bool restore) const;
  void complain(Figures& figures, int Figures::*kind, const std::string& what) const;
  void judge_dump(Figures& figures, bool criu_was_killed, const std::string& where);
  void judge_restore(Figures& figures, const std::string& where);
  // Kills at the given line of the log, or when the tool has ended; what was killed.
  void kill_at(pid_t tool, bool criu, std::size_t line, bool restore) const;
  Figures dump_points();
  Figures restore_points();
  Figures other_faults();
  std::vector<std::string> dump_words(const fs::path& to, bool leave) const;

  std::string tool_, criu_;
  int points_;
  fs::path work_;
  pid_t root_ = -1;
  mutable bool verbose_ = std::getenv("FAULTS_VERBOSE") != nullptr;
};

void Faults::start() {
  fs::remove(work_ / "record");
  root_ = fork();
  if (root_ == 0) be_the_tree((work_ / "record").string());
  for (int look = 0; look < 500 && !counts(); ++look) nap(10);
}

std::vector<int> Faults::tree() const {
  std::vector<int> pids;
  for (const auto& [pid, stat] : all_processes())
    if (stat.session == root_ && stat.state != 'Z' && stat.state != 'X') pids.push_back(pid);
  return pids;
}

void Faults::end_tree() {
  for (int round = 0; round < 200; ++round) {
    const auto pids = tree();
    for (const int pid : pids) kill(pid, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG | __WALL) > 0) {
    }
    if (pids.empty()) return;
    nap(10);
  }
}

Counters Faults::counters() const {
  Counters values{};
  const UniqueFd fd(open((work_ / "record").c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) (void)!pread(fd.get(), values.data(), sizeof values, 0);
  return values;
}

bool Faults::counts() const {
  const auto before = counters();
  for (int look = 0; look < 1000; ++look) {  // a busy machine takes its time
    nap(10);
    if (look % 20 == 0 && tree().empty()) return false;
    const auto now = counters();
    bool all = true;
    for (int place = 0; place < processes; ++place) all = all && now[place] > before[place];
    if (all) return tree().size() == processes;
  }
  return false;
}

bool Faults::anything_stopped() const {
  return std::ranges::any_of(all_processes(), [&](const auto& one) {
    return one.second.session == root_ && (one.second.state == 'T' || one.second.state == 't');
  });
}

ProcessResult Faults::call(const std::vector<std::string>& words) const {
  std::vector<std::string> argv{tool_};
  argv.insert(argv.end(), words.begin(), words.end());
  auto result = cg::run(argv, {.timeout = std::chrono::minutes(10)});
  if (!result) return {.status = 255, .err = result.error().message};
  if (verbose_) fmt::print("{} -> {}\n{}{}", join(argv, " "), result->status, result->out, result->err);
  return std::move(*result);
}

bool Faults::is_whole(const fs::path& directory) const {
  return call({"status", directory.string()}).status == 0;
}

pid_t Faults::begin(const std::vector<std::string>& words) const {
  std::vector<char*> argv{const_cast<char*>(tool_.c_str())};
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int out = open((work_ / "said").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(out, 1);
  dup2(out, 2);
  execv(argv[0], argv.data());
  _exit(127);
}

int Faults::criu_of(pid_t tool) const {
  const std::string name = fs::path(criu_).filename().string().substr(0, 15);
  for (const auto& [pid, stat] : all_processes())
    if (stat.parent == tool && stat.comm == name) return pid;
  return -1;
}

// One that lost its tool goes on alone.
void Faults::wait_for_criu() const {
  const std::string name = fs::path(criu_).filename().string().substr(0, 15);
  for (int look = 0; look < 3000; ++look) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const bool runs = std::ranges::any_of(all_processes(), [&](const auto& one) {
      return one.second.comm == name && one.second.state != 'Z' && one.second.session != root_;
    });
    if (!runs) return;
    nap(10);
  }
}

std::size_t Faults::lines(bool restore) const {
  fs::path log = work_ / "d.tmp/dump.log";
  std::error_code none;
  if (restore) {
    log.clear();
    for (const auto& entry : fs::directory_iterator(work_, none))
      if (entry.path().filename().string().starts_with("guest-checkpoint-"))
        log = entry.path() / "restore.log";
  } else if (!fs::exists(log, none)) {
    log = work_ / "d/dump.log";
  }
  const auto text = read_file(log);
  return text ? static_cast<std::size_t>(std::ranges::count(*text, '\n')) : 0;
}

void Faults::complain(Figures& figures, int Figures::*kind, const std::string& what) const {
  ++(figures.*kind);
  fmt::print("WRONG: {}\n", what);
  const auto said = read_file(work_ / "said").value_or("");
  if (!said.empty()) fmt::print("{}\n", said);
  (void)std::fflush(stdout);
}

void Faults::kill_at(pid_t tool, bool criu, std::size_t line, bool restore) const {
  int pid = criu ? -1 : tool;
  int status = 0;
  for (const auto end = Clock::now() + std::chrono::minutes(5); Clock::now() < end;) {
    if (criu && pid < 0) pid = criu_of(tool);
    if (pid > 0 && lines(restore) >= line) {
      usleep(static_cast<useconds_t>(line * 7919 % 2000));  // anywhere, not just behind what is written there
      kill(pid, SIGKILL);
      break;
    }
    if (waitpid(tool, &status, WNOHANG) == tool) return;
  }
  for (int look = 0; look < 30000 && waitpid(tool, &status, WNOHANG) != tool; ++look) nap(10);
}

std::vector<std::string> Faults::dump_words(const fs::path& to, bool leave) const {
  std::vector<std::string> words{"dump", std::to_string(root_), "-D", to.string(), "--criu", criu_};
  if (leave) words.emplace_back("--leave-running");
  return words;
}

void Faults::judge_dump(Figures& figures, bool criu_was_killed, const std::string& where) {
  ++figures.points;
  wait_for_criu();
  const bool there = fs::exists(work_ / "d");
  const bool whole = there && is_whole(work_ / "d");
  if (there && !whole) complain(figures, &Figures::half, where + ": half a checkpoint has the name");
  nap(20);
  if (anything_stopped()) {
    nap(500);
    if (anything_stopped()) complain(figures, &Figures::stopped, where + ": tasks stay stopped");
  }
  if (!counts() && !whole)
    complain(figures, criu_was_killed ? &Figures::unlucky : &Figures::lost,
             fmt::format("{}: the tree does not run, and there are no images", where));
  if (!counts()) {
    end_tree();
    start();
  }
  fs::remove_all(work_ / "d");
}

Figures Faults::dump_points() {
  Figures figures;
  if (const auto plain = call(dump_words(work_ / "d", true)); plain.status != 0 || !counts()) {
    complain(figures, &Figures::other, "a dump that nobody disturbs does not work: " + plain.out + plain.err);
    return figures;
  }
  const std::size_t all = lines(false);
  fs::remove_all(work_ / "d");
  for (int point = 0; point < points_; ++point) {
    const bool criu = point % 2 == 0;
    const bool leave = point % 4 < 2;
    const std::size_t line =
        all * static_cast<std::size_t>(2 * point + 1) / static_cast<std::size_t>(2 * points_);
    if (!counts()) start();
    const pid_t tool = begin(dump_words(work_ / "d", leave));
    kill_at(tool, criu, line, false);
    if (verbose_) fmt::print("dump point {}\n", point);
    judge_dump(
        figures, criu,
        fmt::format("{} killed at line {} of {} of a dump", criu ? "criu" : "guest-checkpoint", line, all));
  }
  return figures;
}

void Faults::judge_restore(Figures& figures, const std::string& where) {
  ++figures.points;
  wait_for_criu();
  if (!is_whole(work_ / "d"))
    complain(figures, &Figures::half, where + ": the images are not whole any more");
  // All of it, or nothing.
  bool good = tree().empty();
  for (int look = 0; look < 100 && !good; ++look) {
    good = counts();
    if (!good) nap(20);
    good = good || tree().empty();
  }
  if (!good)
    complain(figures, anything_stopped() ? &Figures::stopped : &Figures::other,
             fmt::format("{}: {} half restored tasks are left", where, tree().size()));
  end_tree();
}

Figures Faults::restore_points() {
  Figures figures;
  const std::vector<std::string> words{"restore", (work_ / "d").string(), "--criu", criu_, "--detach"};
  if (!counts()) start();
  if (call(dump_words(work_ / "d", false)).status != 0) {
    complain(figures, &Figures::other, "a dump that nobody disturbs does not work");
    return figures;
  }
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  // How long its log is.
  std::size_t all = 0;
  const pid_t first = begin(words);
  for (int status = 0; waitpid(first, &status, WNOHANG) != first;) all = std::max(all, lines(true));
  if (!counts() || all == 0)
    complain(figures, &Figures::other, "a restore that nobody disturbs does not work");
  end_tree();
  for (int point = 0; point < points_; ++point) {
    const bool criu = point % 2 == 0;
    const std::size_t line =
        all * static_cast<std::size_t>(2 * point + 1) / static_cast<std::size_t>(2 * points_);
    const pid_t tool = begin(words);
    kill_at(tool, criu, line, true);
    for (const auto& entry : fs::directory_iterator(work_))
      if (entry.path().filename().string().starts_with("guest-checkpoint-") && !criu) wait_for_criu();
    judge_restore(figures, fmt::format("{} killed at line {} of {} of a restore",
                                       criu ? "criu" : "guest-checkpoint", line, all));
    for (const auto& entry : fs::directory_iterator(work_))
      if (entry.path().filename().string().starts_with("guest-checkpoint-")) fs::remove_all(entry.path());
  }
  if (call(words).status != 0 || !counts())
    complain(figures, &Figures::lost, "after all, the images cannot be restored");
  fs::remove_all(work_ / "d");
  return figures;
}

Figures Faults::other_faults() {
  Figures figures;
  if (!counts()) {
    end_tree();
    start();
  }
  // A disk that is full, and one that is read-only.
  for (const char* kind : {"full", "read-only"}) {
    const fs::path place = work_ / kind;
    fs::create_directories(place);
    if (mount("tmpfs", place.c_str(), "tmpfs", 0, "size=4m") != 0) continue;
    if (kind[0] == 'r') mount(nullptr, place.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
    const auto result = call(dump_words(place / "d", false));
    ++figures.points;
    if (result.status != 3)
      complain(figures, &Figures::other, fmt::format("{}: status {}", kind, result.status));
    if (fs::exists(place / "d") || fs::exists(place / "d.tmp"))
      complain(figures, &Figures::half, fmt::format("{}: something is left", kind));
    if (!counts()) complain(figures, &Figures::lost, fmt::format("{}: the tree does not run", kind));
    umount2(place.c_str(), MNT_DETACH);
  }
  // Two at once: one is told so, or both come one after the other; nothing is lost.
  {
    const pid_t one = begin(dump_words(work_ / "d1", true));
    const pid_t two = begin(dump_words(work_ / "d2", true));
    int first = 0, second = 0;
    waitpid(one, &first, 0);
    waitpid(two, &second, 0);
    ++figures.points;
    if (first != 0 && second != 0) complain(figures, &Figures::other, "two at once: neither did it");
    for (const char* name : {"d1", "d2"})
      if (fs::exists(work_ / name) && !is_whole(work_ / name))
        complain(figures, &Figures::half, fmt::format("two at once: {} is half", name));
    if (!counts()) complain(figures, &Figures::lost, "two at once: the tree does not run");
    fs::remove_all(work_ / "d1");
    fs::remove_all(work_ / "d2");
  }
  // Paused before: it stays so when the dump fails, and comes back running when it works.
  const fs::path cgroup = "/sys/fs/cgroup/checkpoint-faults";
  std::error_code error;
  fs::create_directory(cgroup, error);
  const auto put = [](const fs::path& file, const std::string& text) {
    const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    return fd && write_all(fd.get(), text, file.string()).has_value();
  };
  if (!error && fs::exists(cgroup / "cgroup.freeze")) {
    for (const int pid : tree()) put(cgroup / "cgroup.procs", std::to_string(pid));
    put(cgroup / "cgroup.freeze", "1");
    nap(100);
    const fs::path place = work_ / "full";
    fs::create_directories(place);
    mount("tmpfs", place.c_str(), "tmpfs", 0, "size=4m");
    const std::vector<std::string> bad{"dump",   "--cgroup", cgroup.string(), "-D", (place / "d").string(),
                                       "--criu", criu_};
    const auto failed = call(bad);
    umount2(place.c_str(), MNT_DETACH);
    ++figures.points;
    if (failed.status != 3)
      complain(figures, &Figures::other, fmt::format("paused: status {}", failed.status));
    if (trim(read_file(cgroup / "cgroup.freeze").value_or("")) != "1")
      complain(figures, &Figures::other, "paused before: it is not paused any more");
    const auto good =
        call({"dump", "--cgroup", cgroup.string(), "-D", (work_ / "d").string(), "--criu", criu_});
    ++figures.points;
    if (good.status != 0) complain(figures, &Figures::other, "paused: " + good.out + good.err);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    put(cgroup / "cgroup.freeze", "0");
    const auto back = call({"restore", (work_ / "d").string(), "--criu", criu_, "--detach"});
    ++figures.points;
    if (back.status != 0 || !counts())
      complain(figures, &Figures::lost, "paused: it did not come back: " + back.out + back.err);
    end_tree();
    fs::remove(cgroup, error);
  } else {
    fmt::print("left out: paused before; no cgroup v2 with a freezer is at /sys/fs/cgroup\n");
  }
  return figures;
}

int Faults::run() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  start();
  if (!counts()) {
    fmt::print("WRONG: the tree does not come to run\n");
    return 1;
  }
  const Figures dump = dump_points();
  const Figures restore = restore_points();
  const Figures other = other_faults();
  end_tree();
  fmt::print("{}\n{}\n{}\n", dump.text("dump"), restore.text("restore"), other.text("other"));
  return dump.good() && restore.good() && other.good() ? 0 : 1;
}

}  // namespace
}  // namespace cg

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: checkpoint-faults TOOL CRIU POINTS WORK\n");
    return 2;
  }
  std::filesystem::create_directories(argv[4]);
  return cg::Faults(argv[1], argv[2], std::atoi(argv[3]), std::filesystem::absolute(argv[4])).run();
}
