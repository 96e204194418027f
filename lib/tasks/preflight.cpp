#include "tasks/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/host.h"
#include "base/process.h"
#include "base/shown.h"
#include "base/text.h"
#include "criu/binary.h"
#include "criu/coverage.h"
#include "criu/versions.h"
#include "kconfig/input.h"
#include "probes/runner.h"
#include "tasks/collect/collect.h"
#include "tasks/finding_table.h"

namespace cg {
namespace tree {
namespace {

// Those of one kind are one finding; it names the first few of what it is about.
constexpr std::size_t most_objects = 6;

void add_unseen(std::vector<Finding>& findings, const Snapshot& snapshot) {
  std::map<std::string, std::vector<std::string>> by_need;
  for (const auto& unseen : snapshot.unseen) by_need[unseen.needs].push_back(unseen.what);
  for (auto& [need, what] : by_need) {
    Finding finding;
    finding.id = "tree.unseen";
    finding.title = "could not be looked at";
    finding.severity = "dump";
    finding.verdict = Verdict::unknown;
    finding.required = true;
    const std::size_t count = what.size();
    if (count > most_objects) what.resize(most_objects);
    finding.seen = join(what, "; ");
    if (count > most_objects) finding.seen += fmt::format("; and {} more", count - most_objects);
    finding.fix =
        need.starts_with("CAP_") ? fmt::format("ask again with {}, as root has it", need) : "needs " + need;
    findings.push_back(std::move(finding));
  }
}

// The namespaces that are the tree's own, the number of its tasks, threads and files.
std::string describe(const Snapshot& snapshot) {
  std::size_t threads = 0;
  std::size_t files = 0;
  for (const auto& task : snapshot.tasks) {
    threads += static_cast<std::size_t>(std::max(1, task.status.threads));
    files += task.files.size();
  }
  std::vector<std::string> own;
  for (const Namespace kind : {Namespace::pid, Namespace::mount, Namespace::net, Namespace::ipc,
                               Namespace::uts, Namespace::user, Namespace::cgroup, Namespace::time})
    if (snapshot.has_own(kind)) own.emplace_back(namespace_files.at(static_cast<std::size_t>(kind)));
  std::string text =
      fmt::format("{} process{}, {} thread{}, {} open files; own namespaces: {}", snapshot.tasks.size(),
                  snapshot.tasks.size() == 1 ? "" : "es", threads, threads == 1 ? "" : "s", files,
                  !own.empty()              ? join(own, " ")
                  : snapshot.unseen.empty() ? "none"
                                            : "not known, not all could be seen");
  if (!snapshot.gone.empty()) text += fmt::format("; {} ended while it was looked at", snapshot.gone.size());
  return text;
}

// The name that a runtime knows the tree by, out of its cgroup: "docker-ID.scope", ".../libpod-ID/container",
// ".../ID" with the 64 digits of Docker, containerd and CRI-O; "" for anything else.
std::string container_of(const Task& root) {
  for (const auto& entry : root.cgroups)
    for (const auto& part : split(entry.path, '/')) {
      std::string_view name = part;
      if (name.ends_with(".scope")) name.remove_suffix(6);
      std::string_view runtime;
      for (const std::string_view known :
           {"docker", "libpod", "crio", "cri-containerd", "nerdctl", "runc", "crun", "youki"})
        if (name.size() > known.size() && name.starts_with(known) && name[known.size()] == '-')
          runtime = known;
      if (!runtime.empty()) name.remove_prefix(runtime.size() + 1);
      const bool is_id = name.size() == 64 && name.find_first_not_of("0123456789abcdef") == name.npos;
      if (name.empty() || (!is_id && runtime.empty()) || name.starts_with("conmon")) continue;
      return fmt::format("{}{}", shown(name), runtime.empty() ? "" : fmt::format(" ({})", runtime));
    }
  return "";
}

using Mode = CommandMode;

std::string headline(Verdict verdict, const Version& criu, int pid, Mode mode) {
  const std::string who = fmt::format("criu {} dump -t {}", criu.text(), pid);
  switch (verdict) {
    case Verdict::fail:
      return fmt::format("NOT READY: {} would fail{}", who,
                         mode == Mode::proposal ? ", whatever its options" : "");
    case Verdict::unknown:
      if (!criu_versions().cover(criu)) return "NOT KNOWN: " + criu_versions().not_covered(criu);
      return fmt::format("NOT KNOWN: not all of the tree could be seen for {}", who);
    default:
      return fmt::format("READY: {} should work{}", who,
                         mode == Mode::proposal ? ", as written below" : " as given");
  }
}

// `env VARIABLE=VALUE … criu …`
std::vector<std::string> with_environment(const std::vector<std::string>& environment,
                                          std::vector<std::string> words) {
  if (environment.empty()) return words;
  words.insert(words.begin(), environment.begin(), environment.end());
  words.insert(words.begin(), "env");
  return words;
}

// Takes that from the begin of a command, and returns it.
std::vector<std::string> take_environment(std::vector<std::string>& words) {
  std::vector<std::string> environment;
  auto at = words.begin();
  if (at != words.end() && *at == "env") ++at;
  for (; at != words.end() && !at->starts_with('-') && at->contains('='); ++at) environment.push_back(*at);
  if (!environment.empty()) words.erase(words.begin(), at);
  return environment;
}

std::vector<std::string> dump_command(const Request& request, const Plan& plan) {
  std::vector<std::string> words{"criu",         "dump", "--tree", std::to_string(request.pid),
                                 "--images-dir", "DIR",  "-v4",    "--log-file",
                                 "dump.log"};
  words.insert(words.end(), plan.dump_options.begin(), plan.dump_options.end());
  return words;
}

std::vector<std::string> restore_options(const Snapshot& snapshot, const Version& criu, const Plan& plan,
                                         const TreeSystem& system) {
  std::vector<std::string> words;
  if (snapshot.has_own(Namespace::mount)) {
    const std::string root = restore_root(snapshot);
    words.insert(words.end(), {"--root", root.empty() ? "ROOTFS" : root});
    // Kernels of a certain window want the older way of making mounts from CRIU before 4.1.1.
    const bool old_engine_needed =
        criu < Version{{4, 1, 1}} && system.probe("detached-propagation").status == ProbeResult::Status::fail;
    if (old_engine_needed) words.emplace_back("--mntns-compat-mode");
  }
  words.insert(words.end(), plan.restore_options.begin(), plan.restore_options.end());
  return words;
}

std::string restore_note(const Snapshot& snapshot, const std::vector<std::string>& restore) {
  std::vector<std::string> notes;
  const std::string root = restore_root(snapshot);
  if (snapshot.has_own(Namespace::mount) && root.empty())
    notes.emplace_back("ROOTFS is the container's root directory, which cannot be seen from here");
  else if (snapshot.has_own(Namespace::mount) && !is_mountpoint(snapshot, root))
    notes.push_back(fmt::format("--root must be a mountpoint: mount --bind {0} {0} first", root));
  if (auto note = inherited_note(restore); !note.empty()) notes.push_back(std::move(note));
  if (std::ranges::any_of(restore, [](const std::string& word) { return word.ends_with(":SOURCE"); }))
    notes.emplace_back("SOURCE is the path to bind there");
  return join(notes, "; ");
}

// What the system says, and what a trial says of that.
Result<SystemAnswer> ask_system(const TreeSystem& system, const Snapshot& snapshot,
                                const DumpOptions& options, const Version& criu,
                                const std::vector<std::string>& environment, Mode mode) {
  // Who may not see the tree may do less than the criu that will dump it.
  auto rows = snapshot.unseen.empty() ? system.judge(criu) : std::vector<SystemRow>();
  CG_TRY(trial, system.trial(criu));
  if (trial && trial->failed == Trial::Step::none)
    for (auto& row : rows) outrank(row.finding, *trial);
  auto answer = system_of(snapshot, options, rows, environment, mode);
  if (trial) answer.findings.push_back(finding_of(*trial));
  if (trial && !trial->environment.empty() && mode == Mode::proposal &&
      std::ranges::find(answer.environment, trial->environment) == answer.environment.end())
    answer.environment.push_back(trial->environment);
  return answer;
}

}  // namespace

Result<Preflight> preflight(const Request& request, const Version& criu, const TreeSystem& system) {
  Preflight result;
  CG_TRY(snapshot, system.collect(request.pid));
  Subject& subject = result.subject;
  subject.name = fmt::format("process tree {}", request.pid);
  subject.facts = {{"root", snapshot.root().name()}};
  if (const std::string container = container_of(snapshot.root()); !container.empty())
    subject.facts.emplace_back("container", container);
  subject.facts.emplace_back("tree", describe(snapshot));
  const bool proposes = request.command.empty();
  std::vector<std::string> command = request.command;
  const auto environment = take_environment(command);
  CG_TRY(table, builtin_option_table());
  SystemAnswer of_system;
  if (!proposes) {
    const auto given = parse_criu_command(table, criu, command);
    subject.findings = judge_criu_command(table, criu, given);
    if (const auto pid = given.value("tree"); pid && *pid != std::to_string(request.pid)) {
      Finding finding;
      finding.id = "tree.other-pid";
      finding.title = "the command dumps another tree than the one looked at";
      finding.verdict = Verdict::warn;
      finding.severity = "dump";
      finding.seen = fmt::format("--tree {} is given, {} was looked at", *pid, request.pid);
      finding.fix = "look at the same tree";
      subject.findings.push_back(std::move(finding));
    }
    const DumpOptions dump_options(given);
    add_grouped(subject.findings, check_all({snapshot, criu, dump_options}), Fate::as_it_is, Side::dump);
    CG_TRY(answer, ask_system(system, snapshot, dump_options, criu, environment, Mode::as_given));
    of_system = std::move(answer);
  } else {
    SpecOptions from_spec;
    if (!request.spec.empty()) {
      CG_TRY(text, system.read(request.spec));
      CG_TRY(found, spec_options(text, request.spec, snapshot));
      from_spec = std::move(found);
    }
    from_spec.dump.insert(from_spec.dump.begin(), request.given.begin(), request.given.end());
    result.plan = make_plan(snapshot, criu, table, from_spec.dump, from_spec.restore);
    const Plan& plan = result.plan;
    const DumpOptions dump_options(parse_criu_command(table, criu, plan.dump_options));
    CG_TRY(answer, ask_system(system, snapshot, dump_options, criu, {}, Mode::proposal));
    of_system = std::move(answer);
    add_grouped(subject.findings, plan.remaining, Fate::as_it_is, Side::dump);
    add_grouped(subject.findings, plan.cleared, Fate::cleared, Side::dump);
    result.restore = restore_options(snapshot, criu, plan, system);
    std::vector<std::string> restore{"criu", "restore",    "--images-dir", "DIR",
                                     "-v4",  "--log-file", "restore.log",  "--restore-detached"};
    restore.insert(restore.end(), result.restore.begin(), result.restore.end());
    subject.commands = {{"dump", with_environment(of_system.environment, dump_command(request, plan))},
                        {"restore", with_environment(of_system.environment, std::move(restore))}};
    if (const auto note = restore_note(snapshot, subject.commands.back().second); !note.empty())
      subject.facts.emplace_back("restore", note);
  }
  for (const auto& finding : of_system.findings)
    if (finding.id == "live.trial") subject.facts.emplace_back("trial", finding.seen);
  subject.findings.insert(subject.findings.end(), of_system.findings.begin(), of_system.findings.end());
  respect_coverage(subject.findings, criu);
  add_unseen(subject.findings, snapshot);
  subject.findings.push_back(
      not_asked("tree.not-looked-at", "what is not asked of a tree",
                "guard regions and other contents of the memory; devices with memory "
                "of their own (GPUs); a signal for the death of its parent "
                "(PR_SET_PDEATHSIG), which criu is after the restore; what the tree does "
                "between now and the dump; on restore: whether files, addresses, pids "
                "and the CPU's features are the same there"));
  subject.verdict = overall_verdict(subject.findings);
  // A command that fails all the same helps nobody.
  // One made of half of what there is would leave options out.
  const bool hidden = std::ranges::any_of(
      snapshot.unseen, [](const Unseen& unseen) { return unseen.needs.starts_with("CAP_"); });
  if (subject.verdict == Verdict::fail || hidden) {
    subject.commands.clear();
    std::erase_if(subject.facts, [](const auto& fact) { return fact.first == "restore"; });
  }
  subject.headline = headline(subject.verdict, criu, request.pid, proposes ? Mode::proposal : Mode::as_given);
  result.environment = std::move(of_system.environment);
  result.snapshot = std::move(snapshot);
  return result;
}

}  // namespace tree

TreeSystem real_tree_system(const Matrix& matrix) {
  // One that runs each probe when it is asked for, and once.
  const auto runner = std::make_shared<probes::Runner>();
  return {[](int pid) -> Result<tree::Snapshot> {
            CG_TRY(snapshot, tree::collect(pid));
            const bool has_32_bit = std::ranges::any_of(
                snapshot.tasks, [](const tree::Task& task) { return task.elf == tree::ElfClass::bits_32; });
            if (const auto criu = has_32_bit ? find_program("criu") : std::nullopt)
              if (const auto answer = run_criu(criu->string())({"check", "--feature", "compat_cr"}))
                snapshot.criu_has_compat = answer->status == 0;
            return snapshot;
          },
          [runner](std::string_view name) { return runner->result(name); },
          [](const std::string& file) { return read_file(file, 16 << 20); },
          [matrix, runner](const Version& version) {
            const Matrix rows = tree::rows_for_trees(matrix, version);
            std::vector<probes::Probe> asked;
            for (const auto& row : rows.rows)
              if (const auto* probe = row.probe.empty() ? nullptr : probes::find_probe(row.probe))
                asked.push_back(*probe);
            runner->run(asked);
            const std::string release = host_release();
            Evidence evidence;
            evidence.probe = [runner](std::string_view name) { return runner->result(name); };
            evidence.kernel = leading_version(release);
            evidence.architecture = matrix_architecture(host_machine());
            const auto config = running_config(release);
            if (config) {
              evidence.config = &config->config;
              evidence.config_name = config->name;
            }
            return tree::judge_system(rows, version, evidence);
          },
          [](const Version&) -> Result<std::optional<Trial>> { return std::optional<Trial>(); }};
}

}  // namespace cg
