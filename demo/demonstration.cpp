#include "demonstration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/host.h"
#include "base/text.h"
#include "cgroup.h"
#include "container.h"
#include "guest_checkpoint.h"
#include "streams.h"

namespace cg::demo {
namespace fs = std::filesystem;
namespace {

using Say = std::function<void(const std::string&)>;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A field of /proc/PID/status that holds one number per nested pid namespace: the innermost.
Result<int> innermost(pid_t pid, std::string_view field) {
  CG_TRY(text, read_file(fmt::format("/proc/{}/status", pid)));
  for (const auto line : split_lines(text)) {
    if (!line.starts_with(field)) continue;
    const auto last = line.substr(line.find_last_of(" \t") + 1);
    int value = -1;
    std::from_chars(last.data(), last.data() + last.size(), value);
    return value;
  }
  return cannot(fmt::format("/proc/{}/status has no {}", pid, field));
}

Result<bool> has_own_cgroup_namespace(pid_t pid) {
  struct stat theirs {
  }, ours{};
  if (stat(fmt::format("/proc/{}/ns/cgroup", pid).c_str(), &theirs) != 0 ||
      stat("/proc/self/ns/cgroup", &ours) != 0)
    return cannot_errno(fmt::format("/proc/{}/ns/cgroup", pid), errno);
  return theirs.st_ino != ours.st_ino;
}

std::string difference(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::vector<std::string> lost, found;
  std::ranges::set_difference(before, after, std::back_inserter(lost));
  std::ranges::set_difference(after, before, std::back_inserter(found));
  std::string result;
  if (!lost.empty()) result += "; lost: " + join(lost, ", ");
  if (!found.empty()) result += "; new: " + join(found, ", ");
  return result;
}

// Everything that one run holds, undone in reverse by the destructor whatever happened.
class Run {
 public:
  Run(const Plan& plan, Account& account, const Say& say) : plan_(plan), account_(account), say_(say) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run();

  Result<void> prepare();
  Result<void> start();
  Result<void> pause();
  Result<void> dump();
  Result<void> look_gone();
  Result<void> restore();
  Result<void> observe();

 private:
  std::vector<Bind> binds() const {
    return {{plan_.work / "guest/shm", "/dev/shm"}, {plan_.work / "guest/hosts", "/etc/hosts"}};
  }
  Result<void> have_done(const std::string& action, const std::vector<std::string>& words,
                         const std::string& verdict, nlohmann::ordered_json& document, double& seconds);
  void add(std::string name, bool held, std::string detail) {
    account_.findings.push_back({std::move(name), held, std::move(detail)});
  }

  const Plan& plan_;
  Account& account_;
  const Say& say_;
  std::optional<Cgroup> cgroup_;
  std::optional<Streams> first_;   // standard streams of the container before the dump
  std::optional<Streams> second_;  // and after the restore
  std::vector<std::string> mounts_;
  std::vector<fs::path> mounted_;
  std::uint64_t sent_ = 0;
};

Run::~Run() {
  if (account_.restored_pid > 0)
    kill(account_.restored_pid, SIGKILL);  // it may have come back outside of the cgroup
  if (cgroup_) {
    (void)cgroup_->kill_all(plan_.limit);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    (void)cgroup_->remove();
    std::error_code ignored;
    fs::remove(plan_.cgroup.parent_path(), ignored);  // only when it is empty
  }
  for (auto it = mounted_.rbegin(); it != mounted_.rend(); ++it) umount2(it->c_str(), MNT_DETACH);
}

Result<void> Run::prepare() {
  account_.kernel = host_release();
  std::error_code error;
  if (fs::exists(plan_.work, error) && !fs::is_empty(plan_.work, error))
    return refused(fmt::format("{}: not empty; remove it, or give another --work", plan_.work.string()));
  for (const char* directory : {"rootfs", "guest/shm"}) CG_CHECK(make_directories(plan_.work / directory));
  CG_CHECK(write_file_atomically(plan_.work / "guest/hosts", "127.0.0.1 localhost\n"));
  CG_CHECK(prepare_rootfs(plan_.work / "rootfs", plan_.workload));

  // systemd makes the guest's mounts shared; then everything bound from them has a master outside of the
  // container.
  CG_TRY(shared, root_is_shared());
  if (!shared) {
    if (mount("", "/", nullptr, MS_SHARED | MS_REC, nullptr) != 0)
      return cannot_errno("making / shared", errno);
    say_("guest: / was not shared; made it so, as systemd does");
  }
  const std::string shm = plan_.work / "guest/shm";
  if (mount("tmpfs", shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777") != 0)
    return cannot_errno("mounting a tmpfs on " + shm, errno);
  mounted_.emplace_back(shm);
  CG_CHECK(write_file_atomically(fs::path(shm) / "from-guest", "seen by both sides\n"));

  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    return cannot_errno("prctl(PR_SET_CHILD_SUBREAPER)", errno);
  say_("guest: Linux " + account_.kernel);
  return {};
}

Result<void> Run::start() {
  CG_TRY(cgroup, Cgroup::create(plan_.cgroup));
  cgroup_ = std::move(cgroup);
  CG_TRY(streams, Streams::make());
  first_ = std::move(streams);
  const ContainerSpec spec{
      .rootfs = plan_.work / "rootfs",
      .cgroup = plan_.cgroup,
      .binds = binds(),
      .argv = {"/bin/demo-workload", "--records", "/data/records", "--state", "/run/state", "--megabytes",
               std::to_string(plan_.megabytes), "--threads", std::to_string(plan_.threads), "--interval-ms",
               std::to_string(plan_.interval_ms)},
      .session = plan_.without.contains("session") ? Session::inherited : Session::own,
      .standard_input = first_->inner(0),
      .standard_output = first_->inner(1),
      .standard_error = first_->inner(2),
  };
  CG_TRY(pid, start_container(spec));
  account_.pid = pid;
  first_->handed_over();
  for (; sent_ < 3; ++sent_) CG_CHECK(first_->send_line());

  const auto line = first_->output().wait(0, plan_.limit, [](const std::string&) { return true; });
  if (!line) {
    const auto errors = first_->errors().lines();
    return cannot(fmt::format("the workload said nothing within {} s{}", plan_.limit.count(),
                              errors.empty() ? "" : ": " + errors.back()));
  }
  CG_TRY(before, parse_state(*line));
  account_.before = before;
  // Some life before the dump: all memory verified once, all input seen.
  const auto enough = first_->output().wait(1, plan_.limit, [&](const std::string& text) {
    const auto now = parse_state(text);
    return now && now->slices_verified > now->memory_slices && now->input_lines == sent_;
  });
  if (!enough)
    return cannot(
        fmt::format("the workload did not get through its memory within {} s", plan_.limit.count()));
  CG_TRY(mountinfo, read_file(fmt::format("/proc/{}/mountinfo", pid)));
  CG_TRY(mounts, describe_mounts(mountinfo));
  mounts_ = std::move(mounts);
  CG_TRY(sid, innermost(pid, "NSsid:"));
  say_(fmt::format("container: pid {} (inside {}), {} mounts, session {}, cgroup {}", pid, before.pid,
                   mounts_.size(), sid, plan_.cgroup.string()));
  return {};
}

Result<void> Run::pause() {
  if (plan_.without.contains("pause")) return {};
  const auto start = std::chrono::steady_clock::now();
  CG_CHECK(cgroup_->freeze(plan_.limit));
  account_.pause_seconds = seconds_since(start);
  account_.paused = true;
  // What the container has published in its own tmpfs, read from outside while it stands still.
  CG_TRY(text, read_file(fmt::format("/proc/{}/root/run/state", account_.pid)));
  CG_TRY(state, parse_state(text));
  say_(fmt::format("paused: counter {}, frozen after {}", state.counter,
                   human_seconds(account_.pause_seconds)));
  return {};
}

Result<void> Run::have_done(const std::string& action, const std::vector<std::string>& words,
                            const std::string& verdict, nlohmann::ordered_json& document, double& seconds) {
  std::vector<std::string> argv{
      plan_.guest_checkpoint.string(),    action, "--criu", plan_.criu.string(), "--timeout",
      std::to_string(plan_.limit.count())};
  argv.insert(argv.end(), words.begin(), words.end());
  say_(shell_words(argv));
  const auto start = std::chrono::steady_clock::now();
  CG_TRY(said, ask_guest_checkpoint(std::move(argv)));
  seconds = seconds_since(start);
  document = std::move(said);
  if (const auto why = why_not(document, verdict); !why.empty()) return refused(why);
  say_("  " + shell_words(document["commands"][action]));
  return {};
}

Result<void> Run::dump() {
  return have_done("dump", {"--cgroup", plan_.cgroup.string(), "-D", plan_.work / "images"}, "dumped",
                   account_.dump, account_.dump_seconds);
}

Result<void> Run::look_gone() {
  // criu killed the container; as its reaper we collect it, as the agent does. The output pipe ends with its
  // last writer, after every line that was in it.
  int status = 0;
  while (waitpid(account_.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!first_->output().wait_end(plan_.limit))
    return refused("the container's standard output is still open after the dump");
  CG_TRY(left, cgroup_->processes());
  const bool no_process = access(fmt::format("/proc/{}", account_.pid).c_str(), F_OK) != 0;
  account_.gone_in_between = no_process && left.empty();
  const auto lines = first_->output().lines();
  CG_TRY(last, parse_state(lines.back()));
  account_.at_dump = last;
  say_(fmt::format("dumped in {}: counter {}, {}", human_seconds(account_.dump_seconds), last.counter,
                   human_size(account_.dump["bytes"].value("images", 0ULL))));
  if (!account_.gone_in_between)
    return refused(fmt::format("not gone: /proc/{} {}, {} processes in {}", account_.pid,
                               no_process ? "gone" : "exists", left.size(), plan_.cgroup.string()));
  say_(fmt::format("gone: no process {}, nothing in {}, its pipes ended", account_.pid,
                   plan_.cgroup.string()));
  return {};
}

Result<void> Run::restore() {
  // A new cgroup, as a runtime makes one for a container it restores: the old one is still frozen.
  CG_CHECK(cgroup_->remove());
  CG_TRY(cgroup, Cgroup::create(plan_.cgroup));
  cgroup_ = std::move(cgroup);
  CG_TRY(streams, Streams::make());
  second_ = std::move(streams);
  second_->let_inherit();

  std::vector<std::string> words{plan_.work / "images", "--detach"};
  for (std::size_t i = 0; i < 3; ++i)
    words.insert(words.end(), {"--map", fmt::format("pipe:[{}]={}", first_->inode(i), second_->inner(i))});
  CG_CHECK(have_done("restore", words, "restored", account_.restore, account_.restore_seconds));
  second_->handed_over();
  account_.restored_pid = account_.restore.value("pid", 0);
  say_(fmt::format("restored in {}: pid {}", human_seconds(account_.restore_seconds), account_.restored_pid));
  return {};
}

Result<void> Run::observe() {
  const auto line = second_->output().wait(0, plan_.limit, [](const std::string&) { return true; });
  if (!line)
    return refused(fmt::format("the restored workload said nothing within {} s", plan_.limit.count()));
  CG_TRY(restored, parse_state(*line));
  account_.restored = restored;
  for (int i = 0; i < 2; ++i, ++sent_) CG_CHECK(second_->send_line());
  const auto enough = second_->output().wait(1, plan_.limit, [&](const std::string& text) {
    const auto now = parse_state(text);
    return now && seen_enough(account_.at_dump, restored, *now, sent_);
  });
  CG_TRY(after, parse_state(enough ? *enough : second_->output().lines().back()));
  account_.after = after;
  for (auto& finding : compare(account_.at_dump, restored, after, sent_))
    account_.findings.push_back(std::move(finding));

  const pid_t pid = account_.restored_pid;
  CG_TRY(sid, innermost(pid, "NSsid:"));
  CG_TRY(inner, innermost(pid, "NSpid:"));
  add("namespace", inner == account_.before.pid && sid == account_.before.sid,
      fmt::format("/proc/{}/status: pid {}, session {} inside", pid, inner, sid));
  CG_TRY(mountinfo, read_file(fmt::format("/proc/{}/mountinfo", pid)));
  CG_TRY(mounts, describe_mounts(mountinfo));
  add("mounts", mounts == mounts_,
      fmt::format("{} before, {} now{}", mounts_.size(), mounts.size(), difference(mounts_, mounts)));
  CG_TRY(processes, cgroup_->processes());
  CG_TRY(own_namespace, has_own_cgroup_namespace(pid));
  add("cgroup",
      processes.size() == 2 && std::ranges::find(processes, pid) != processes.end() && own_namespace,
      fmt::format("{} processes in {}, {}", processes.size(), plan_.cgroup.string(),
                  own_namespace ? "cgroup namespace of its own" : "in the guest's cgroup namespace"));
  CG_TRY(shared, read_file(fmt::format("/proc/{}/root/dev/shm/from-guest", pid)));
  CG_TRY(hosts, read_file(fmt::format("/proc/{}/root/etc/hosts", pid)));
  add("guest's mounts", shared == "seen by both sides\n" && hosts == "127.0.0.1 localhost\n",
      "/dev/shm and /etc/hosts show the guest's content");
  return {};
}

}  // namespace

bool Account::ok() const {
  return failed_step.empty() && gone_in_between && !findings.empty() &&
         std::ranges::all_of(findings, &Finding::held);
}

Account demonstrate(const Plan& plan, const Say& say) {
  Account account;
  Run run(plan, account, say);
  using Step = Result<void> (Run::*)();
  constexpr std::array<std::pair<const char*, Step>, 7> steps{{{"prepare", &Run::prepare},
                                                               {"start", &Run::start},
                                                               {"pause", &Run::pause},
                                                               {"dump", &Run::dump},
                                                               {"gone", &Run::look_gone},
                                                               {"restore", &Run::restore},
                                                               {"observe", &Run::observe}}};
  for (const auto& [name, step] : steps) {
    if (auto done = (run.*step)(); !done) {
      account.failed_step = name;
      account.failure = done.error();
      break;
    }
  }
  return account;
}

}  // namespace cg::demo
