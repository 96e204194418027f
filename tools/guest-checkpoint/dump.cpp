#include "dump.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <limits>
#include <memory>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "commit.h"
#include "criu/matrix.h"
#include "criu/options.h"
#include "criu_at_hand.h"
#include "guard/freezer_switches.h"
#include "guard/guarded_criu.h"
#include "guard/run_lock.h"
#include "hooks.h"
#include "living.h"
#include "stored/archive.h"
#include "stored/images.h"
#include "stored/record.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using How = GuardedEnd::How;

constexpr const char* pre_dump_directory = "pre-dump";

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The cgroup that criu is to freeze: one that has just this tree's tasks.
std::string cgroup_of(const tree::Snapshot& snapshot) {
  for (const auto& [name, state] : snapshot.cgroups) {
    if (!state.entry.is_v2() && !state.entry.has("freezer")) continue;
    if (state.directory.empty() || state.levels.size() < 2 || state.members.empty()) continue;
    const bool only_ours = std::ranges::all_of(state.members, [&](int pid) { return snapshot.find(pid); });
    const bool all_in_it = std::ranges::all_of(snapshot.tasks, [&](const tree::Task& task) {
      return std::ranges::find(state.members, task.pid) != state.members.end();
    });
    std::error_code none;
    const bool has_switch = fs::exists(
        fs::path(state.directory) / (state.entry.is_v2() ? "cgroup.freeze" : "freezer.state"), none);
    if (only_ours && all_in_it && has_switch) return state.directory;
  }
  return "";
}

class Dump {
 public:
  Dump(const DumpWords& words, Context& context) : words_(words), context_(context) {}
  Result<Document> run();

 private:
  Result<void> look();
  Result<void> prepare();
  Result<GuardedEnd> run_criu(const std::vector<std::string>& argv, bool commits);
  Result<void> take();
  Result<void> tell_failure(const GuardedEnd& end, const std::string& log);
  void tell_success();
  void let_all_go();
  bool says_no();

  const DumpWords& words_;
  Context& context_;
  Document document_;
  DumpPlan plan_;
  CriuAtHand criu_;
  fs::path destination_, directory_;
  std::vector<FreezerSwitch> switches_;
  Before before_;
  UniqueFd target_lock_, directory_lock_;
};

Result<void> Dump::look() {
  const auto begin = Clock::now();
  CG_TRY(target, find_target(words_.target));
  plan_.target = std::move(target);
  CG_TRY(criu, find_criu(words_.criu));
  criu_ = std::move(criu);
  plan_.criu = criu_.version;
  CG_TRY(matrix, builtin_matrix());
  CG_TRY(table, builtin_option_table());
  const TreeSystem system = real_tree_system(matrix);
  std::vector<std::string> given = words_.extra;
  if (words_.leave_running) given.emplace_back("--leave-running");
  if (words_.leave_stopped) given.emplace_back("--leave-stopped");
  if (words_.pre_dump) {
    // The tree does not matter to this, so its own preflight does not ask.
    if (const auto tracks = system.probe("soft-dirty"); tracks.status == ProbeResult::Status::fail)
      return refused(
          fmt::format("--pre-dump: this kernel does not tell which memory has changed (MEM_SOFT_DIRTY): {}",
                      tracks.detail));
    given.insert(given.end(), {"--track-mem", "--prev-images-dir", pre_dump_directory});
  }
  if (words_.compress) {
    const auto* option = table.find("compress");
    if (!option || !option->criu.contains(criu_.version))
      return refused(fmt::format("--compress: CRIU {} has no compression of its own; --archive FILE.zst has",
                                 criu_.version.text()));
    given.emplace_back("--compress");
  }
  tree::Request request{plan_.target.pid, plan_.target.spec, {}, given};
  CG_TRY(first, tree::preflight(request, criu_.version, system));
  plan_.preflight = std::move(first);
  // Frozen as a whole, no task sees another one already gone.
  const bool frozen_already = std::ranges::find(plan_.preflight.plan.dump_options, "--freeze-cgroup") !=
                              plan_.preflight.plan.dump_options.end();
  const std::string cgroup = plan_.target.is_bare_process() ? "" : cgroup_of(plan_.preflight.snapshot);
  if (!frozen_already && !cgroup.empty()) {
    request.given.insert(request.given.end(), {"--freeze-cgroup", cgroup});
    CG_TRY(second, tree::preflight(request, criu_.version, system));
    plan_.preflight = std::move(second);
  }
  document_.target = plan_.target.name;
  document_.pid = plan_.target.pid;
  document_.criu = criu_.version.text();
  document_.seconds.emplace_back("preflight", since(begin));
  return {};
}

// Whether the preflight does; then its reasons stand in the document.
bool Dump::says_no() {
  const Subject& subject = plan_.preflight.subject;
  const bool no = subject.verdict == Verdict::fail;
  const bool open = subject.verdict == Verdict::unknown;
  for (const auto& finding : subject.findings)
    if (finding.waiver.empty() && (finding.verdict == Verdict::fail ||
                                   (open && finding.required && finding.verdict == Verdict::unknown)))
      document_.findings.push_back(finding);
  if (!no && !open) return false;
  document_.verdict = no ? "refused" : "unknown";
  document_.exit_status = no ? exit_no : exit_unable;
  document_.headline = fmt::format("{}; nothing was touched", subject.headline);
  return true;
}

Result<void> Dump::prepare() {
  std::error_code error;
  if (fs::exists(destination_, error) &&
      !(fs::is_directory(destination_, error) && fs::is_empty(destination_, error)))
    return refused(
        fmt::format("{} is there already; give a new directory, or remove it", destination_.string()));
  CG_TRY(lock, lock_name(fmt::format("{}.lock", plan_.target.pid), plan_.target.name));
  target_lock_ = std::move(lock);
  CG_CHECK(make_directories(destination_.has_parent_path() ? destination_.parent_path() : "."));
  // Of a run that was killed, unless it is at work still.
  if (fs::is_directory(fs::symlink_status(directory_, error))) {
    CG_TRY(old, lock_directory(directory_.string(), directory_.string()));
    fs::remove_all(directory_, error);
  }
  if (mkdir(directory_.c_str(), 0700) != 0) return cannot_errno("creating " + directory_.string(), errno);
  CG_TRY(held, lock_directory(directory_.string(), directory_.string()));
  directory_lock_ = std::move(held);
  Record record = make_record(plan_.preflight, criu_.version);
  record.target = plan_.target.name;
  record.container = words_.target.container;
  record.bundle = plan_.target.bundle;
  record.left_running = words_.leave_running || words_.leave_stopped;
  CG_CHECK(write_file_atomically(directory_ / record_name, to_json(record), 0600));
  if (words_.pre_dump) CG_CHECK(make_directories(directory_ / pre_dump_directory));
  return {};
}

Result<GuardedEnd> Dump::run_criu(const std::vector<std::string>& argv, bool commits) {
  GuardedRun run;
  run.argv = argv;
  run.environment = variables_of(plan_.preflight.environment);
  if (commits) {
    std::error_code none;
    const fs::path self = fs::read_symlink("/proc/self/exe", none);
    if (none) return cannot("/proc/self/exe: " + none.message());
    const auto call = commit_call(self, directory_, destination_);
    run.argv.insert(run.argv.end(), call.options.begin(), call.options.end());
    run.environment.insert(call.environment.begin(), call.environment.end());
  }
  run.output = directory_ / "criu.out";
  run.kept = {target_lock_.get(), directory_lock_.get()};
  run.limit = std::chrono::milliseconds(static_cast<std::int64_t>(words_.timeout * 1000));
  run.still = std::chrono::seconds(15);
  run.thaw = [this] { return thaw(switches_); };
  run.before = &before_;
  return run_guarded(run);
}

void Dump::let_all_go() {
  if (const auto what = put_back(switches_); !what.empty()) document_.notes.push_back(what);
}

Result<void> Dump::tell_failure(const GuardedEnd& end, const std::string& log) {
  std::error_code none;
  const fs::path where = fs::exists(directory_, none) ? directory_ : destination_;
  CG_TRY(explanation, explain_failure(end, where, log, criu_.version));
  document_.exit_status = exit_unable;
  switch (end.how) {
    case How::ended:
      document_.verdict = "failed";
      document_.headline = fmt::format("FAILED: criu ended with {}", end.status);
      break;
    case How::killed:
      document_.verdict = "killed";
      document_.headline = fmt::format("KILLED: criu was ended by signal {}", end.status - 128);
      break;
    case How::hung:
      document_.verdict = "hung";
      document_.headline = "HUNG: criu did nothing any more and was ended";
      break;
    case How::out_of_time:
      document_.verdict = "out-of-time";
      document_.headline = fmt::format("OUT OF TIME: criu was ended after {}", human_seconds(end.seconds));
      break;
    case How::interrupted:
      document_.verdict = "interrupted";
      document_.headline = "INTERRUPTED: criu was ended";
      break;
  }
  // The script's own words, where it was our own no.
  const auto printed = read_file(where / "criu.out", 1 << 20).value_or("");
  for (const auto line : split_lines(printed))
    if (line.starts_with("guest-checkpoint: ")) document_.notes.emplace_back(line.substr(18));
  if (end.how == How::ended || end.how == How::hung || end.how == How::out_of_time)
    explain(explanation, document_);
  const auto kept = log_kept_at(where / log, destination_);
  if (!kept.empty()) document_.notes.push_back("criu's log: " + kept);
  if (fs::exists(directory_, none)) fs::remove_all(directory_, none);
  return {};
}

void Dump::tell_success() {
  document_.verdict = "dumped";
  document_.headline = fmt::format("DUMPED: {} with CRIU {}", plan_.target.name, criu_.version.text());
  document_.directory = destination_.string();
  const auto state = look_at_checkpoint(destination_);
  if (!state) return;
  if (const double frozen = state->frozen_seconds(); frozen > 0)
    document_.seconds.emplace_back("frozen", frozen);
  document_.bytes.emplace_back("images", state->images.bytes());
  document_.bytes.emplace_back("memory", state->memory_bytes());
}

Result<void> Dump::take() {
  before_ = remember(plan_.preflight.snapshot);
  switches_ = freezer_switches(plan_.preflight.snapshot);
  GuardedEnd end;
  double seconds = 0;
  for (const auto& argv : plan_.commands) {
    const bool last = &argv == &plan_.commands.back();
    CG_TRY(one, run_criu(argv, last));
    end = std::move(one);
    seconds += end.seconds;
    if (end.how != How::ended || end.status != 0) {
      // Whoever died with the images already named has dumped, though perhaps not ended the tasks.
      std::error_code none;
      const bool committed = last && !fs::exists(directory_, none) && fs::exists(destination_, none);
      let_all_go();
      document_.seconds.emplace_back("criu", seconds);
      document_.notes.insert(document_.notes.end(), end.notes.begin(), end.notes.end());
      if (end.rescued.tasks > 0)
        document_.notes.push_back(fmt::format(
            "{} task{} that criu held let go, {} thread{} of them put right", end.rescued.tasks,
            end.rescued.tasks == 1 ? "" : "s", end.rescued.repaired, end.rescued.repaired == 1 ? "" : "s"));
      document_.notes.insert(document_.notes.end(), end.rescued.trouble.begin(), end.rescued.trouble.end());
      CG_CHECK(tell_failure(end, last ? "dump.log" : "pre-dump.log"));
      if (committed) document_.directory = destination_.string();
      document_.tasks = living(plan_.preflight.snapshot);
      document_.headline += fmt::format(
          "; {} of {} tasks run on{}", document_.tasks.size(), plan_.preflight.snapshot.tasks.size(),
          committed ? ", and the images are whole" : ", and no images are left");
      return {};
    }
  }
  let_all_go();
  document_.seconds.emplace_back("criu", seconds);
  document_.notes.insert(document_.notes.end(), end.notes.begin(), end.notes.end());
  std::error_code none;
  if (!fs::exists(destination_, none))
    return cannot(fmt::format(
        "{} says that it dumped, but did not call its action script, and no images are there", criu_.path));
  tell_success();
  document_.tasks = living(plan_.preflight.snapshot);
  return {};
}

Result<Document> Dump::run() {
  const auto begin = Clock::now();
  document_.action = "dump";
  if (words_.directory.empty()) return usage_error("-D DIR is required: where the images go");
  if (words_.leave_running && words_.leave_stopped)
    return usage_error("only one of --leave-running and --leave-stopped can hold");
  destination_ = fs::absolute(words_.directory).lexically_normal();
  if (!destination_.has_filename()) destination_ = destination_.parent_path();
  directory_ = destination_.string() + ".tmp";
  CG_CHECK(look());
  plan_.commands = dump_commands(words_, criu_.path, plan_.target.pid, plan_.preflight.plan.dump_options,
                                 directory_.string());
  if (says_no()) return std::move(document_);
  document_.commands.emplace_back("dump", plan_.commands.back());
  plan_.steps = dump_steps(words_, plan_);
  if (words_.dry_run) {
    document_.verdict = "planned";
    document_.headline = fmt::format("{}; nothing was touched", plan_.preflight.subject.headline);
    document_.steps = plan_.steps;
    return std::move(document_);
  }
  CG_CHECK(prepare());
  HookScene scene{"dump", "before", destination_.string(), plan_.target.name, plan_.target.pid, ""};
  if (auto allowed = run_hook(words_.before, scene); !allowed) {
    std::error_code none;
    fs::remove_all(directory_, none);
    return std::unexpected(allowed.error());
  }
  if (auto taken = take(); !taken) {
    let_all_go();
    std::error_code none;
    fs::remove_all(directory_, none);
    return std::unexpected(taken.error());
  }
  if (document_.exit_status == exit_good && !words_.archive.empty()) {
    const auto start = Clock::now();
    const auto written = write_archive(destination_, words_.archive, context_.env);
    if (!written) {
      document_.exit_status = exit_status(written.error());
      document_.notes.push_back("--archive: " + written.error().message);
    } else {
      document_.archive = words_.archive;
      document_.bytes.emplace_back("archive", *written);
      document_.seconds.emplace_back("archive", since(start));
    }
  }
  scene.moment = "after";
  scene.result = document_.verdict;
  if (auto done = run_hook(words_.after, scene); !done) {
    document_.notes.push_back(done.error().message);
    document_.exit_status = std::max(document_.exit_status, exit_no);
  }
  document_.seconds.emplace_back("total", since(begin));
  return std::move(document_);
}

}  // namespace

std::vector<std::vector<std::string>> dump_commands(const DumpWords& words, const std::string& criu, int pid,
                                                    const std::vector<std::string>& options,
                                                    const std::string& directory) {
  std::vector<std::vector<std::string>> commands;
  if (words.pre_dump)
    commands.push_back({criu, "pre-dump", "--tree", std::to_string(pid), "--images-dir",
                        directory + "/" + pre_dump_directory, "-v4", "--log-file", "../pre-dump.log",
                        "--track-mem"});
  std::vector<std::string> dump{criu,      "dump", "--tree",     std::to_string(pid), "--images-dir",
                                directory, "-v4",  "--log-file", "dump.log"};
  // What cannot be asked of a pre-dump does not stand in the way there.
  dump.insert(dump.end(), options.begin(), options.end());
  if (words.pre_dump)
    for (std::size_t at = 0; at < options.size(); ++at)
      if (options[at] == "--freeze-cgroup" && at + 1 < options.size())
        commands.front().insert(commands.front().end(), {options[at], options[at + 1]});
  commands.push_back(std::move(dump));
  return commands;
}

std::vector<std::string> dump_steps(const DumpWords& words, const DumpPlan& plan) {
  std::vector<std::string> steps;
  if (!words.before.empty()) steps.push_back("run " + words.before);
  for (const auto& argv : plan.commands)
    steps.push_back(fmt::format(
        "{}{}", plan.preflight.environment.empty() ? "" : join(plan.preflight.environment, " ") + " ",
        shell_words(argv)));
  steps.push_back(
      fmt::format("when all is written and the tasks stand still: check the images, bring them to the "
                  "disk, name them {}",
                  words.directory));
  steps.push_back(words.leave_running   ? "the tasks run on"
                  : words.leave_stopped ? "the tasks stay stopped"
                                        : "the tasks end");
  if (!words.archive.empty()) steps.push_back("write the archive " + words.archive);
  if (!words.after.empty()) steps.push_back("run " + words.after);
  return steps;
}

Command dump_command() {
  const auto words = std::make_shared<DumpWords>();
  return {
      .name = "dump",
      .help = "Take a checkpoint of a process tree, or say why that cannot be and touch nothing",
      .options =
          {{"PID",
            &words->target.pid,
            "The root of the tree, as seen from here",
            {.range = {{1, std::numeric_limits<int>::max()}}}},
           {"--cgroup PATH", &words->target.cgroup, "The tree in this cgroup"},
           {"--container ID", &words->target.container, "The container that runc, crun or youki knows"},
           {"--runtime PROGRAM", &words->target.runtime, "The program that knows it"},
           {"-D,--directory DIR",
            &words->directory,
            "Where the images go; DIR must not be there yet",
            {.is_no_stream = true}},
           {"--leave-running", &words->leave_running, "The tasks run on afterwards"},
           {"--leave-stopped", &words->leave_stopped, "The tasks stay stopped afterwards"},
           {"--pre-dump", &words->pre_dump,
            "Write most of the memory while the tasks run, the rest when they stand still"},
           {"--compress", &words->compress, "CRIU compresses the memory (4.3)"},
           {"--archive FILE", &words->archive,
            "Also an archive as Podman and the kubelet write it; FILE.zst or .gz is compressed, - is "
            "standard output"},
           {"--criu FILE", &words->criu, "The criu to run (default: the one on PATH)"},
           {"--timeout SECONDS", &words->timeout, "When criu is ended, in seconds", {.range = {{0.1, 1e6}}}},
           {"--before COMMAND", &words->before, "Run first; if it fails, nothing is done"},
           {"--after COMMAND", &words->after, "Run last, whatever came of it"},
           {"--dry-run", &words->dry_run, "Print the steps and stop"}},
      .examples = {{"guest-checkpoint dump 126 -D /var/ckpt/web", "the tree of process 126, which then ends"},
                   {"guest-checkpoint dump --container web -D web.ckpt --leave-running --archive web.tar.zst",
                    "a container that runs on, and an archive"},
                   {"guest-checkpoint dump 126 -D d --dry-run", "what would be done"}},
      .notes = "Words behind -- are options of `criu dump`.",
      .passthrough = &words->extra,
      .run = [words](Context& context) -> Result<int> {
        CG_TRY(document, Dump(*words, context).run());
        if (words->archive == "-") {
          context.env.err << (context.options.format == "json" ? to_json(document) : to_text(document));
          return document.exit_status;
        }
        return say(document, context);
      }};
}

}  // namespace cg::checkpoint
