#include "tree/tree_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "criu/coverage.h"
#include "criu/versions.h"
#include "live/criu_binary.h"
#include "live/live.h"
#include "probes/runner.h"
#include "tasks/collect/collect.h"
#include "tasks/plan.h"

namespace cg {
namespace {

using tree::Namespace;
using tree::Snapshot;
using tree::TreeFinding;

// Those of one kind are one finding; it names the first few of what it is about.
constexpr std::size_t most_objects = 6;

enum class Fate { as_it_is, cleared };

void add_findings(std::vector<Finding>& findings, const tree::Findings& found, Fate fate) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const TreeFinding*>> kinds;
  for (const auto& one : found) {
    auto& kind = kinds[one.id];
    if (kind.empty()) order.push_back(one.id);
    kind.push_back(&one);
  }
  for (const auto& id : order) {
    const auto& kind = kinds[id];
    Finding finding = *kind.front();
    if (fate == Fate::cleared) finding.verdict = Verdict::warn;
    finding.required = finding.verdict == Verdict::fail;
    std::vector<std::string> objects;
    std::vector<std::string> options;
    for (const auto* one : kind) {
      if (objects.size() < most_objects) objects.push_back(one->seen);
      const std::string words = join(one->dump_options, " ");
      if (!words.empty() && std::ranges::find(options, words) == options.end()) options.push_back(words);
    }
    finding.seen = join(objects, "; ");
    if (kind.size() > most_objects) finding.seen += fmt::format("; and {} more", kind.size() - most_objects);
    if (fate == Fate::cleared)
      finding.fix =
          fmt::format("cleared by {}{}{}", join(options, " "), finding.fix.empty() ? "" : "; ", finding.fix);
    else if (finding.fix.empty() && !options.empty())
      finding.fix = join(options, " ");
    findings.push_back(std::move(finding));
  }
}

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
    finding.fix = "needs " + need;
    findings.push_back(std::move(finding));
  }
}

// What no check asks, so that READY is not taken for more than it is.
Finding not_looked_at() {
  Finding finding;
  finding.id = "tree.not-looked-at";
  finding.title = "what is not asked of a tree";
  finding.verdict = Verdict::not_applicable;
  finding.severity = "better-off";
  finding.seen =
      "guard regions and other contents of the memory; security labels (AppArmor, SELinux); devices with "
      "memory of "
      "their own (GPUs); links that an earlier dump with --link-remap has left; what the tree does between "
      "now and the "
      "dump; on restore: whether files, addresses, pids and the CPU's features are the same there";
  return finding;
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
    if (snapshot.has_own(kind)) own.emplace_back(tree::namespace_files.at(static_cast<std::size_t>(kind)));
  std::string text = fmt::format("{} process{}, {} thread{}, {} open files; own namespaces: {}",
                                 snapshot.tasks.size(), snapshot.tasks.size() == 1 ? "" : "es", threads,
                                 threads == 1 ? "" : "s", files, own.empty() ? "none" : join(own, " "));
  if (!snapshot.gone.empty()) text += fmt::format("; {} ended while it was looked at", snapshot.gone.size());
  return text;
}

using Mode = tree::CommandMode;

std::string headline(Verdict verdict, const Version& criu, int pid, Mode mode) {
  const std::string who = fmt::format("criu {} dump -t {}", criu.text(), pid);
  switch (verdict) {
    case Verdict::fail:
      return fmt::format("NOT READY: {} would fail{}", who,
                         mode == Mode::proposal ? ", whatever its options" : "");
    case Verdict::unknown:
      if (!criu_versions().cover(criu))
        return fmt::format("NOT KNOWN: CRIU {} is not covered here (nearest first: {})", criu.text(),
                           criu_versions().nearest(criu));
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

std::vector<std::string> dump_command(const TreeCommand& command, const tree::Plan& plan) {
  std::vector<std::string> words{"criu",         "dump", "--tree", std::to_string(command.pid),
                                 "--images-dir", "DIR",  "-v4",    "--log-file",
                                 "dump.log"};
  words.insert(words.end(), plan.dump_options.begin(), plan.dump_options.end());
  return words;
}

std::vector<std::string> restore_command(const Snapshot& snapshot, const Version& criu,
                                         const tree::Plan& plan, const TreeSystem& system) {
  std::vector<std::string> words{"criu", "restore",    "--images-dir", "DIR",
                                 "-v4",  "--log-file", "restore.log",  "--restore-detached"};
  if (snapshot.has_own(Namespace::mount)) {
    const std::string root = tree::restore_root(snapshot);
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
  const std::string root = tree::restore_root(snapshot);
  if (snapshot.has_own(Namespace::mount) && root.empty())
    notes.emplace_back("ROOTFS is the container's root directory, which cannot be seen from here");
  else if (snapshot.has_own(Namespace::mount) && !tree::is_mountpoint(snapshot, root))
    notes.push_back(fmt::format("--root must be a mountpoint: mount --bind {0} {0} first", root));
  if (std::ranges::any_of(restore, [](const std::string& word) { return word.starts_with("fd[N]:"); }))
    notes.emplace_back("N is the number of a descriptor that criu inherits");
  if (std::ranges::any_of(restore, [](const std::string& word) { return word.ends_with(":SOURCE"); }))
    notes.emplace_back("SOURCE is the path to bind there");
  return join(notes, "; ");
}

// What the system says, and what a trial says of that.
Result<tree::SystemAnswer> ask_system(const TreeSystem& system, const Snapshot& snapshot,
                                      const tree::DumpOptions& options, const Version& criu,
                                      const std::vector<std::string>& environment, Mode mode) {
  // Who may not see the tree may do less than the criu that will dump it.
  auto rows = snapshot.unseen.empty() ? system.judge(criu) : std::vector<tree::SystemRow>();
  CG_TRY(trial, system.trial(criu));
  if (trial && trial->failed == Trial::Step::none)
    for (auto& row : rows) outrank(row.finding, *trial);
  auto answer = tree::system_of(snapshot, options, rows, environment, mode);
  if (trial) answer.findings.push_back(finding_of(*trial));
  if (trial && !trial->environment.empty() && mode == Mode::proposal &&
      std::ranges::find(answer.environment, trial->environment) == answer.environment.end())
    answer.environment.push_back(trial->environment);
  return answer;
}

}  // namespace

TreeSystem real_tree_system(const Matrix& matrix, WithTrial trial, const std::string& binary) {
  return {[](int pid) -> Result<Snapshot> {
            CG_TRY(snapshot, tree::collect(pid));
            const bool has_32_bit = std::ranges::any_of(
                snapshot.tasks, [](const tree::Task& task) { return task.elf == tree::ElfClass::bits_32; });
            if (const auto criu = has_32_bit ? find_program("criu") : std::nullopt)
              if (const auto answer = run_criu(criu->string())({"check", "--feature", "compat_cr"}))
                snapshot.criu_has_compat = answer->status == 0;
            return snapshot;
          },
          [](std::string_view name) { return probes::Runner().result(name); },
          [](const std::string& file) { return read_file(file, 16 << 20); },
          [matrix](const Version& version) {
            const Matrix rows = tree::rows_for_trees(matrix, version);
            const auto system = real_system(rows);
            Evidence evidence;
            evidence.probe = system.probe;
            evidence.kernel = leading_version(system.kernel_release);
            evidence.architecture = matrix_architecture(system.machine);
            const auto config = system.config(evidence.config_name);
            if (config) evidence.config = &*config;
            return tree::judge_system(rows, version, evidence);
          },
          [trial, binary](const Version& version) -> Result<std::optional<Trial>> {
            if (trial == WithTrial::no) return std::optional<Trial>();
            CG_TRY(result, trial_of(binary, version));
            return result;
          }};
}

Command tree_command(KcheckOptions& options) {
  const auto command = std::make_shared<TreeCommand>();
  return {.name = "tree",
          .help = "Would `criu dump` of a process tree be refused or hang, and what command works?",
          .options = {{"PID",
                       &command->pid,
                       "The root of the tree, as seen from here; of a container that is its init",
                       {.range = {{1, std::numeric_limits<int>::max()}}, .required = true}},
                      {"--spec FILE", &command->spec,
                       "The OCI runtime spec (config.json) that names the bind mounts"}},
          .examples = {{"kcheck tree 126 --criu 4.2.1",
                        "what stands in the way, and the commands that dump and restore"},
                       {"kcheck tree 126 -- criu dump -t 126 --shell-job",
                        "judges this command instead of a proposal"}},
          .passthrough = &options.passthrough,
          .run = [command, &options](Context& context) -> Result<int> {
            CG_TRY(matrix, load_matrix(options));
            CG_TRY(choice, choose_version(options, real_system(matrix), options.criu_binary));
            const auto trial = options.with_trial ? WithTrial::yes : WithTrial::no;
            const auto system = real_tree_system(matrix, trial, options.criu_binary);
            return deliver(check_tree(options, *command, choice.version, system), options, context.env);
          }};
}

Result<Report> check_tree(const KcheckOptions& options, const TreeCommand& command, const Version& criu,
                          const TreeSystem& system) {
  CG_TRY(snapshot, system.collect(command.pid));
  Subject subject;
  subject.name = fmt::format("process tree {}", command.pid);
  subject.facts = {{"root", snapshot.root().name()}, {"tree", describe(snapshot)}};
  const bool proposes = options.passthrough.empty();
  std::vector<std::string> passthrough = options.passthrough;
  const auto environment = take_environment(passthrough);
  CG_TRY(table, builtin_option_table());
  tree::SystemAnswer of_system;
  if (!proposes) {
    const auto given = parse_criu_command(table, criu, passthrough);
    subject.findings = judge_criu_command(table, criu, given);
    if (const auto pid = given.value("tree"); pid && *pid != std::to_string(command.pid)) {
      Finding finding;
      finding.id = "tree.other-pid";
      finding.title = "the command dumps another tree than the one looked at";
      finding.verdict = Verdict::warn;
      finding.severity = "dump";
      finding.seen = fmt::format("--tree {} is given, {} was looked at", *pid, command.pid);
      finding.fix = "look at the same tree";
      subject.findings.push_back(std::move(finding));
    }
    const tree::DumpOptions dump_options(given);
    add_findings(subject.findings, tree::check_all({snapshot, criu, dump_options}), Fate::as_it_is);
    CG_TRY(answer, ask_system(system, snapshot, dump_options, criu, environment, Mode::as_given));
    of_system = std::move(answer);
  } else {
    tree::SpecOptions from_spec;
    if (!command.spec.empty()) {
      CG_TRY(text, system.read(command.spec));
      CG_TRY(found, tree::spec_options(text, command.spec, snapshot));
      from_spec = std::move(found);
    }
    const auto plan = tree::make_plan(snapshot, criu, table, from_spec.dump, from_spec.restore);
    const tree::DumpOptions dump_options(parse_criu_command(table, criu, plan.dump_options));
    CG_TRY(answer, ask_system(system, snapshot, dump_options, criu, {}, Mode::proposal));
    of_system = std::move(answer);
    add_findings(subject.findings, plan.remaining, Fate::as_it_is);
    add_findings(subject.findings, plan.cleared, Fate::cleared);
    subject.commands = {
        {"dump", with_environment(of_system.environment, dump_command(command, plan))},
        {"restore", with_environment(of_system.environment, restore_command(snapshot, criu, plan, system))}};
    if (const auto note = restore_note(snapshot, subject.commands.back().second); !note.empty())
      subject.facts.emplace_back("restore", note);
  }
  for (const auto& finding : of_system.findings)
    if (finding.id == "live.trial") subject.facts.emplace_back("trial", finding.seen);
  subject.findings.insert(subject.findings.end(), of_system.findings.begin(), of_system.findings.end());
  respect_coverage(subject.findings, criu);
  add_unseen(subject.findings, snapshot);
  subject.findings.push_back(not_looked_at());
  subject.verdict = overall_verdict(subject.findings);
  // A command that fails all the same helps nobody.
  if (subject.verdict == Verdict::fail) subject.commands.clear();
  subject.headline = headline(subject.verdict, criu, command.pid, proposes ? Mode::proposal : Mode::as_given);
  return Report{"tree", criu.text(), {std::move(subject)}};
}

}  // namespace cg
