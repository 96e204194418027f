#include "restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "answers.h"
#include "base/file.h"
#include "base/text.h"
#include "criu_at_hand.h"
#include "document.h"
#include "guard/guarded_criu.h"
#include "guard/run_lock.h"
#include "hooks.h"
#include "living.h"
#include "procfs/directory.h"
#include "procfs/freezer.h"
#include "procfs/mountinfo.h"
#include "procfs/scan.h"
#include "procfs/status.h"
#include "restore_preflight.h"
#include "stored/archive.h"
#include "stored/images.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using How = GuardedEnd::How;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A directory that goes with the object.
class Scratch {
 public:
  static Result<Scratch> make() {
    const char* const temporary = std::getenv("TMPDIR");
    std::string pattern = fmt::format("{}/guest-checkpoint-XXXXXX", temporary ? temporary : "/var/tmp");
    if (!mkdtemp(pattern.data())) return cannot_errno("creating " + pattern, errno);
    Scratch scratch;
    scratch.path_ = pattern;
    return scratch;
  }
  Scratch() = default;
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~Scratch() {
    std::error_code none;
    if (!path_.empty()) fs::remove_all(path_, none);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<int> children_of_this() {
  std::vector<int> pids;
  const auto proc = procfs::Directory::open("/proc");
  for (const int pid : proc ? proc->numbers().value_or(std::vector<int>()) : std::vector<int>()) {
    const auto text = proc->read_small(fmt::format("{}/stat", pid).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat && stat->parent == getpid()) pids.push_back(pid);
  }
  return pids;
}

// What a failed restore leaves comes to us: criu's children, half made tasks.
void end_what_is_left() {
  for (int round = 0, nobody = 0; round < 200 && nobody < 2; ++round) {
    const auto pids = children_of_this();
    nobody = pids.empty() ? nobody + 1 : 0;
    for (const int pid : pids) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, WNOHANG | __WALL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// All below `root`, with it.
std::vector<int> tree_below(int root) {
  std::map<int, int> parents;
  const auto proc = procfs::Directory::open("/proc");
  for (const int pid : proc ? proc->numbers().value_or(std::vector<int>()) : std::vector<int>()) {
    const auto text = proc->read_small(fmt::format("{}/stat", pid).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat) parents[pid] = stat->parent;
  }
  std::vector<int> tree;
  for (const auto& [pid, parent] : parents) {
    int at = pid;
    for (int steps = 0; at != root && at > 1 && steps < 10000; ++steps) {
      const auto next = parents.find(at);
      at = next == parents.end() ? 0 : next->second;
    }
    if (at == root) tree.push_back(pid);
  }
  return tree;
}

// Turns off the freezer that holds a task; a container that was paused comes back paused.
std::string thaw_task(int pid) {
  const auto text = read_file(fmt::format("/proc/{}/cgroup", pid));
  const auto mounts_text = read_file("/proc/self/mountinfo");
  if (!text || !mounts_text) return "";
  const auto entries = procfs::parse_cgroup(*text);
  const auto mounts = procfs::parse_mountinfo(*mounts_text);
  if (!entries || !mounts) return "";
  for (const auto& entry : *entries) {
    if (!entry.is_v2() && !entry.has("freezer")) continue;
    const std::string directory = procfs::cgroup_directory(entry, *mounts);
    if (directory.empty()) continue;
    const auto freezer = procfs::look_at_freezer(entry, directory);
    const auto* level = freezer.nearest();
    if (!level) continue;
    const std::string file = level->directory + (entry.is_v2() ? "/cgroup.freeze" : "/freezer.state");
    const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd && write_all(fd.get(), entry.is_v2() ? "0" : "THAWED", file)) return level->directory;
  }
  return "";
}

class Restore {
 public:
  Restore(const RestoreWords& words, Context& context) : words_(words), context_(context) {}
  Result<Document> run();
  int pid() const { return document_.pid; }

 private:
  Result<void> look();
  Result<void> prepare();
  Result<bool> stands_against();
  Result<void> bind_root();
  Result<void> restore();
  void prove();

  const RestoreWords& words_;
  Context& context_;
  Document document_;
  CriuAtHand criu_;
  Scratch unpacked_, work_;
  fs::path directory_;
  Record record_;
  ImagesState images_;
  Answered answered_;
  std::vector<UniqueFd> descriptors_;
  std::vector<std::string> argv_;
  std::string root_, bound_;
  UniqueFd lock_;
};

Result<void> Restore::look() {
  CG_TRY(criu, find_criu(words_.criu));
  criu_ = std::move(criu);
  document_.criu = criu_.version.text();
  std::error_code none;
  directory_ = fs::absolute(words_.what);
  if (!fs::is_directory(directory_, none)) {
    CG_TRY(scratch, Scratch::make());
    unpacked_ = std::move(scratch);
    CG_CHECK(unpack_archive(words_.what, unpacked_.path()));
    directory_ = unpacked_.path();
    document_.archive = words_.what;
  }
  document_.directory = directory_.string();
  CG_TRY(lock, lock_directory(directory_.string(), directory_.string()));
  lock_ = std::move(lock);
  CG_TRY(found, load_record(directory_));
  if (found)
    record_ = std::move(*found);
  else
    document_.notes.emplace_back("no guest-checkpoint.json is in it: criu gets only the options behind --");
  CG_TRY(images, look_at_checkpoint(directory_));
  images_ = std::move(images);
  document_.target = record_.target;
  document_.bytes = {{"images", images_.images.bytes()}, {"memory", images_.memory_bytes()}};
  if (!images_.flaws.empty())
    return refused(
        fmt::format("{}: the images are not whole: {}", directory_.string(), join(images_.flaws, "; ")));
  if (!record_.own_pids && !record_.tasks.empty()) {
    std::vector<std::string> taken;
    // A task that has just ended keeps its pid until somebody has asked for its status.
    for (int look = 0; look < 50; ++look) {
      taken.clear();
      for (const int pid : record_.tasks)
        if (fs::exists(fmt::format("/proc/{}", pid), none)) taken.push_back(std::to_string(pid));
      if (taken.empty() || !living(record_.tasks).empty()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    if (!taken.empty())
      return refused(
          fmt::format("the pids {} are taken here, and the tasks are to have them again{}", join(taken, ", "),
                      record_.left_running ? "; the tasks were left running: end them first" : ""));
  }
  CG_TRY(maps, parse_maps(words_.maps));
  CG_TRY(answered, answer_questions(record_, maps, words_.root));
  answered_ = std::move(answered);
  return {};
}

// --root has to be a mountpoint.
Result<void> Restore::bind_root() {
  const auto at = std::ranges::find(answered_.options, "--root");
  if (at == answered_.options.end() || at + 1 == answered_.options.end()) return {};
  root_ = *(at + 1);
  const auto text = read_file("/proc/self/mountinfo");
  const auto mounts = text ? procfs::parse_mountinfo(*text) : Result<std::vector<procfs::Mount>>(cannot(""));
  if (!mounts) return {};
  std::error_code none;
  const std::string whole = fs::canonical(root_, none).string();
  if (none) return cannot(fmt::format("--root {}: {}", root_, none.message()));
  if (std::ranges::any_of(*mounts, [&](const procfs::Mount& mount) { return mount.mountpoint == whole; }))
    return {};
  if (mount(whole.c_str(), whole.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return cannot_errno(fmt::format("mount --bind {0} {0}", whole), errno);
  bound_ = whole;
  return {};
}

Result<void> Restore::prepare() {
  CG_TRY(scratch, Scratch::make());
  work_ = std::move(scratch);
  argv_ = {criu_.path,           "restore",    "--images-dir",
           directory_.string(),  "-v4",        "--log-file",
           "restore.log",        "--work-dir", work_.path().string(),
           "--restore-detached", "--pidfile",  (work_.path() / "pid").string()};
  for (const auto& word : answered_.options) {
    if (!word.starts_with("fd[")) {
      argv_.push_back(word);
      continue;
    }
    const std::string key = word.substr(word.find("]:") + 2);
    const std::string& from = answered_.open.at(key);
    const auto number = procfs::to_number<int>(from);
    UniqueFd fd(number ? fcntl(*number, F_DUPFD_CLOEXEC, 100) : -1);
    if (number && !fd) return cannot_errno(fmt::format("descriptor {} for {}", from, key), errno);
    if (!number) {
      CG_TRY(opened, open_in_place_of(from, access_of(images_.images, key), key));
      // Far above what criu takes for itself.
      fd.reset(fcntl(opened.get(), F_DUPFD_CLOEXEC, 100));
      if (!fd) return cannot_errno(fmt::format("{} for {}", from, key), errno);
    }
    argv_.push_back(fmt::format("fd[{}]:{}", fd.get(), key));
    descriptors_.push_back(std::move(fd));
  }
  argv_.insert(argv_.end(), words_.extra.begin(), words_.extra.end());
  return {};
}

// Whether something does; then it stands in the document.
Result<bool> Restore::stands_against() {
  CG_TRY(findings, what_stands_against(images_.images, criu_.version, argv_, record_.environment));
  if (findings.empty()) return false;
  document_.verdict = "refused";
  document_.exit_status = exit_no;
  document_.headline = fmt::format("NOT READY: criu {} restore of {} would fail here; nothing was started",
                                   criu_.version.text(), directory_.string());
  document_.findings = std::move(findings);
  return true;
}

void Restore::prove() {
  const auto begin = Clock::now();
  // criu lets the tasks go as it ends; the last of that can take a moment.
  for (int look = 0; look < 100; ++look) {
    const auto tree = tree_below(document_.pid);
    document_.tasks = living(tree);
    if (document_.tasks.size() >= images_.images.tasks.size()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (const auto thawed = thaw_task(document_.pid); !thawed.empty())
    document_.notes.push_back(thawed + ": came back frozen, and was thawed");
  document_.seconds.emplace_back("proof", since(begin));
  std::vector<int> held;
  for (const int pid : document_.tasks) {
    const auto text = read_file(fmt::format("/proc/{}/status", pid));
    const auto status = text ? procfs::parse_status(*text) : Result<procfs::Status>(cannot(""));
    if (status && status->tracer != 0) held.push_back(pid);
  }
  // Zombies are dumped as well, and are no living tasks.
  const bool root_lives = std::ranges::find(document_.tasks, document_.pid) != document_.tasks.end();
  if (root_lives && held.empty()) {
    document_.verdict = "restored";
    document_.headline =
        fmt::format("RESTORED: {} with CRIU {}: {} of {} tasks run, the root is {}",
                    record_.target.empty() ? words_.what : record_.target, criu_.version.text(),
                    document_.tasks.size(), images_.images.tasks.size(), document_.pid);
    return;
  }
  document_.verdict = "failed";
  document_.exit_status = exit_unable;
  document_.headline = root_lives ? "FAILED: criu says it restored, and still holds tasks"
                                  : "FAILED: criu says it restored, and the root does not run";
}

Result<void> Restore::restore() {
  GuardedRun run;
  run.argv = argv_;
  run.environment = variables_of(record_.environment);
  run.output = work_.path() / "criu.out";
  for (const auto& fd : descriptors_) run.kept.push_back(fd.get());
  run.limit = std::chrono::milliseconds(static_cast<std::int64_t>(words_.timeout * 1000));
  run.still = std::chrono::seconds(15);
  CG_TRY(end, run_guarded(run));
  document_.seconds.emplace_back("criu", end.seconds);
  if (end.how == How::ended && end.status == 0) {
    const auto text = read_file(work_.path() / "pid");
    const auto pid = text ? procfs::to_number<int>(trim(*text)) : std::nullopt;
    if (!pid) return cannot("criu restored, and names no root process");
    document_.pid = *pid;
    prove();
    return {};
  }
  end_what_is_left();
  CG_TRY(explanation, explain_failure(end, work_.path(), "restore.log", criu_.version));
  document_.exit_status = exit_unable;
  document_.verdict = end.how == How::ended         ? "failed"
                      : end.how == How::killed      ? "killed"
                      : end.how == How::hung        ? "hung"
                      : end.how == How::interrupted ? "interrupted"
                                                    : "out-of-time";
  document_.headline =
      fmt::format("{}: criu ended with {}; no task of it is left, and the images are as they were",
                  end.how == How::ended ? "FAILED" : "ENDED", end.status);
  if (end.how == How::ended || end.how == How::hung || end.how == How::out_of_time)
    explain(explanation, document_);
  const auto kept =
      log_kept_at(work_.path() / "restore.log",
                  document_.archive.empty() ? directory_.string() + ".restore" : document_.archive);
  if (!kept.empty()) document_.notes.push_back("criu's log: " + kept);
  return {};
}

Result<Document> Restore::run() {
  const auto begin = Clock::now();
  document_.action = "restore";
  CG_CHECK(look());
  CG_CHECK(prepare());
  CG_TRY(no, stands_against());
  document_.seconds.emplace_back("preflight", since(begin));
  if (no) return std::move(document_);
  document_.commands.emplace_back("restore", argv_);
  if (words_.dry_run) {
    document_.verdict = "planned";
    document_.headline =
        "READY: the images are whole, and nothing known stands against it; nothing was touched";
    document_.steps.push_back(shell_words(argv_));
    return std::move(document_);
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  HookScene scene{"restore", "before", directory_.string(), record_.target, 0, ""};
  CG_CHECK(run_hook(words_.before, scene));
  CG_CHECK(bind_root());
  auto done = restore();
  if (!bound_.empty()) umount2(bound_.c_str(), MNT_DETACH);
  descriptors_.clear();
  if (!done) {
    end_what_is_left();
    return std::unexpected(done.error());
  }
  scene.moment = "after";
  scene.pid = document_.pid;
  scene.result = document_.verdict;
  if (auto said = run_hook(words_.after, scene); !said) {
    document_.notes.push_back(said.error().message);
    document_.exit_status = std::max(document_.exit_status, exit_no);
  }
  document_.seconds.emplace_back("total", since(begin));
  return std::move(document_);
}

// The restored root's own end: it is our child, as we are the subreaper.
int wait_for(int pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return exit_good;  // somebody else's child: in the background
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Command restore_command() {
  const auto words = std::make_shared<RestoreWords>();
  return {.name = "restore",
          .help = "Bring a checkpoint back, and prove that its tasks run",
          .options = {{"WHAT", &words->what, "A checkpoint's directory, or an archive", {.required = true}},
                      {"--detach", &words->detach, "Do not wait for the restored root's end"},
                      {"--map KEY=PATH", &words->maps,
                       "What takes the place of a pipe or a mount from outside; a number is an open "
                       "descriptor; may be repeated"},
                      {"--root DIR", &words->root, "The root directory of a container's tasks"},
                      {"--criu FILE", &words->criu, "The criu to run (default: the one on PATH)"},
                      {"--timeout SECONDS",
                       &words->timeout,
                       "When criu is ended, in seconds",
                       {.range = {{0.1, 1e6}}}},
                      {"--before COMMAND", &words->before, "Run first; if it fails, nothing is done"},
                      {"--after COMMAND", &words->after, "Run when the tasks run, or when it failed"},
                      {"--dry-run", &words->dry_run, "Print the steps and stop"}},
          .examples = {{"guest-checkpoint restore /var/ckpt/web --detach", "in the background"},
                       {"guest-checkpoint restore web.tar.zst --map 'pipe:[4711]=/run/web.log'",
                        "with a file in a pipe's place; waits, and its exit status is the root's"}},
          .notes = "Words behind -- are options of `criu restore`.",
          .passthrough = &words->extra,
          .run = [words](Context& context) -> Result<int> {
            Document document;
            {
              CG_TRY(done, Restore(*words, context).run());
              document = std::move(done);
            }
            const int status = say(document, context);
            if (document.verdict != "restored" || words->detach) return status;
            context.env.out.flush();
            return wait_for(document.pid);
          }};
}

}  // namespace cg::checkpoint
