#include "restore/restore_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/host.h"
#include "base/process.h"
#include "base/text.h"
#include "checkpoint/describe.h"
#include "checkpoint/load.h"
#include "criu/binary.h"
#include "criu/coverage.h"
#include "criu/versions.h"
#include "kconfig/input.h"
#include "learn/criu_program.h"
#include "live/live.h"
#include "restore/needs.h"
#include "restore/plan.h"
#include "restore/this_processor.h"
#include "tasks/plan.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;
using checkpoint::Objects;
using checkpoint::shown;

// The place, and what holds its parts.
struct Ground {
  std::unique_ptr<restore::Files> root;
  std::unique_ptr<restore::Files> host;
  restore::Place place;
  std::string name;
};

bool is_offline(const RestoreCommand& command) {
  return !command.kernel.empty() || !command.config.empty() ||
         (!command.root.empty() && !fs::is_directory(command.root));
}

Result<std::optional<checkpoint::Processor>> processor_of(const std::string& cpu) {
  if (cpu.empty()) return std::nullopt;
  if (cpu == "host") return restore::this_processor();
  CG_TRY(processor, checkpoint::load_processor(cpu));
  return processor;
}

// Of the criu that is named, or of the one on PATH where it is the one that is judged; nullopt: its program
// is not known, or cannot be read. Usage error: the one that is named is another version.
Result<std::optional<bool>> has_libnftables(const KcheckOptions& options, const Version& judged,
                                            bool offline) {
  std::optional<fs::path> program;
  if (!options.criu_binary.empty()) {
    CG_TRY(version, ask_version(run_criu(options.criu_binary), options.criu_binary));
    if (version != judged)
      return usage_error(fmt::format("--criu-binary {} is CRIU {}, and {} is to be judged: leave --criu out",
                                     options.criu_binary, version.text(), judged.text()));
    program = options.criu_binary;
  } else if (!offline && options.criu.empty()) {
    program = find_program("criu");
  }
  if (!program) return std::nullopt;
  const auto missing = parts_missing_in(*program);
  if (!missing) return std::nullopt;
  return !missing->contains("libnftables");
}

Result<Ground> ground_of(const RestoreCommand& command, const Checkpoint& images,
                         const restore::Options& given) {
  Ground ground;
  const bool offline = is_offline(command);
  if (!offline) {
    CG_TRY(host, restore::files_of_directory("/"));
    ground.host = std::move(host);
    ground.place = restore::this_place(*ground.host);
  }
  // Where the tasks' "/" is: as said; else what --root leads to; else criu's own.
  std::string root = command.root;
  if (root.empty() && !offline) root = images.own(&Objects::mount) ? given.root : "/";
  if (!root.empty() && fs::exists(root)) {
    CG_TRY(files, fs::is_directory(root) ? restore::files_of_directory(root) : restore::files_of_image(root));
    ground.root = std::move(files);
    ground.place.files = ground.root.get();
  } else if (!command.root.empty()) {
    return cannot(command.root + ": it is not there");
  }
  CG_TRY(processor, processor_of(command.cpu.empty() && !offline ? "host" : command.cpu));
  ground.place.processor = std::move(processor);
  ground.name = root.empty() ? "not known" : root;
  if (offline) ground.name += ", not running";
  return ground;
}

// What the kernel there says to it.
Result<restore::KernelAnswer> ask_kernel(const RestoreCommand& command, const Checkpoint& images,
                                         const Matrix& matrix, const Version& criu,
                                         const std::vector<std::string>* environment) {
  Evidence evidence;
  std::optional<ConfigInput> input;
  std::optional<LiveSystem> system;
  Result<KernelConfig> running = cannot("not asked");
  const std::string file = !command.config.empty() ? command.config : command.kernel;
  if (!file.empty()) {
    CG_TRY(read, load_config_input(file));
    input = std::move(read);
    evidence.config = &input->config;
    evidence.config_name = input->name;
    evidence.config_is_complete = !input->config.version.empty();
    evidence.kernel = leading_version(input->config.version);
    evidence.architecture = matrix_architecture(input->config.architecture, &input->config);
  } else if (is_offline(command)) {
    return restore::KernelAnswer{};
  } else {
    system = real_system(restore::rows_for_restore(images, matrix, criu));
    evidence.probe = system->probe;
    evidence.kernel = leading_version(system->kernel_release);
    evidence.architecture = matrix_architecture(system->machine);
    running = system->config(evidence.config_name);
    if (running) evidence.config = &*running;
  }
  return restore::judge_kernel(images, matrix, criu, evidence, environment);
}

std::vector<std::string> command_words(const RestoreCommand& command, const Checkpoint& images,
                                       const restore::Plan& plan,
                                       const std::vector<std::string>& environment) {
  std::vector<std::string> words;
  if (!environment.empty()) {
    words.emplace_back("env");
    words.insert(words.end(), environment.begin(), environment.end());
  }
  words.insert(words.end(),
               {"criu", "restore", "--images-dir", fs::is_directory(command.images) ? images.name : "IMAGES",
                "-v4", "--log-file", "restore.log", "--restore-detached"});
  words.insert(words.end(), plan.options.begin(), plan.options.end());
  return words;
}

std::string note_of(const RestoreCommand& command, const std::vector<std::string>& options) {
  std::vector<std::string> notes;
  if (!fs::is_directory(command.images))
    notes.emplace_back("IMAGES is the directory that the archive is unpacked to");
  const auto any = [&](auto predicate) { return std::ranges::any_of(options, predicate); };
  if (any([](const std::string& word) { return word == "ROOTFS"; }))
    notes.emplace_back(
        "ROOTFS is the directory of the root file system, a mountpoint (mount --bind it on itself)");
  if (auto note = tree::inherited_note(options); !note.empty()) notes.push_back(std::move(note));
  if (any([](const std::string& word) { return word.ends_with(":SOURCE"); }))
    notes.emplace_back("SOURCE is the path to bind there");
  return join(notes, "; ");
}

std::string headline(Verdict verdict, const Version& criu, const Checkpoint& images, bool proposes) {
  const std::string who = fmt::format("criu {} restore of {}", criu.text(), shown(images.name));
  switch (verdict) {
    case Verdict::fail:
      return fmt::format("NOT READY: {} would fail{}", who, proposes ? ", whatever its options" : "");
    case Verdict::unknown:
      if (!criu_versions().cover(criu)) return "NOT KNOWN: " + criu_versions().not_covered(criu);
      return fmt::format("NOT KNOWN: not all that {} needs could be seen", who);
    default:
      return fmt::format("READY: nothing known stands against {}{}", who,
                         proposes ? ", as written below" : " as given");
  }
}

std::string describe(const Checkpoint& images) {
  std::string text = fmt::format("{} process{}, {} files", images.tasks.size(),
                                 images.tasks.size() == 1 ? "" : "es", images.files.size());
  if (!images.criu.empty()) text += fmt::format("; by CRIU {}", shown(images.criu));
  if (!images.kernel.empty()) text += fmt::format(" on Linux {}", shown(images.kernel));
  return text;
}

// `env VARIABLE=VALUE… criu …`: the variables go, and are returned.
std::vector<std::string> take_variables(std::vector<std::string>& words) {
  std::vector<std::string> variables;
  if (words.empty() || words.front() != "env") return variables;
  words.erase(words.begin());
  while (!words.empty() && words.front().contains('=')) {
    variables.push_back(words.front());
    words.erase(words.begin());
  }
  return variables;
}

Result<Report> check_restore(const KcheckOptions& options, const RestoreCommand& command, const Version& criu,
                             const Matrix& matrix) {
  CG_TRY(images, checkpoint::load(command.images));
  CG_TRY(table, builtin_option_table());
  const bool proposes = options.passthrough.empty();
  std::vector<std::string> behind = options.passthrough;
  const auto environment = take_variables(behind);
  std::vector<std::string> begin;
  // The root that was named is where the task's own mounts are built on.
  if (proposes && images.own(&Objects::mount) && fs::is_directory(command.root))
    begin = {"--root", fs::absolute(command.root).lexically_normal().string()};
  std::vector<std::string> words = behind;
  if (proposes) {
    words = {"criu", "restore"};
    words.insert(words.end(), begin.begin(), begin.end());
  }
  const auto parsed = parse_criu_command(table, criu, words);
  const restore::Options given(parsed);
  CG_TRY(ground, ground_of(command, images, given));
  CG_TRY(linked, has_libnftables(options, criu, is_offline(command)));
  ground.place.has_libnftables = linked;
  Subject subject;
  subject.name = "checkpoint " + shown(images.name);
  subject.facts = {{"holds", describe(images)}, {"root", shown(ground.name)}};
  std::size_t looked_at = 0;
  CG_TRY(kernel, ask_kernel(command, images, matrix, criu, proposes ? nullptr : &environment));
  if (proposes) {
    const auto plan = restore::make_plan(images, criu, table, ground.place, begin);
    looked_at = plan.remaining.looked_at;
    tree::add_grouped(subject.findings, plan.remaining, tree::Fate::as_it_is, tree::Side::restore);
    tree::add_grouped(subject.findings, plan.cleared, tree::Fate::cleared, tree::Side::restore);
    subject.commands = {{"restore", command_words(command, images, plan, kernel.environment)}};
    if (const auto note = note_of(command, plan.options); !note.empty())
      subject.facts.emplace_back("note", note);
  } else {
    subject.findings = judge_criu_command(table, criu, parsed);
    const auto found = restore::check_all({images, criu, given, ground.place});
    looked_at = found.looked_at;
    tree::add_grouped(subject.findings, found, tree::Fate::as_it_is, tree::Side::restore);
  }
  subject.facts.emplace_back("files", fmt::format("{} compared with what the dump saw", looked_at));
  subject.findings.insert(subject.findings.end(), kernel.findings.begin(), kernel.findings.end());
  respect_coverage(subject.findings, criu);
  subject.findings.push_back(
      tree::not_asked("restore.not-looked-at", "what is not asked of a restore",
                      "the contents of files that are no programs; room in memory; the "
                      "clock; what ip can do "
                      "there; devices with memory of their own"));
  subject.verdict = overall_verdict(subject.findings);
  if (subject.verdict == Verdict::fail) subject.commands.clear();
  subject.headline = headline(subject.verdict, criu, images, proposes);
  // What nobody named is no part of the answer.
  if (is_offline(command) && command.kernel.empty() && command.config.empty())
    subject.headline += "; which kernel is there was not said (--kernel, --config), and it was not asked";
  return Report{"restore", criu.text(), {std::move(subject)}};
}

}  // namespace

Command restore_command(KcheckOptions& options) {
  const auto command = std::make_shared<RestoreCommand>();
  return {
      .name = "restore",
      .help = "Will a checkpoint come back here, or in that root image, and with which command?",
      .options = {{"IMAGES", &command->images, "CRIU's images, or an archive of them", {.required = true}},
                  {"--image ROOT", &command->root,
                   "The root file system that the tasks come back in: an image, unmounted, or a directory"},
                  {"--kernel FILE", &command->kernel, "The kernel there, instead of the one that runs here"},
                  {"--config FILE", &command->config, "The same by its configuration"},
                  {"--cpu FILE", &command->cpu,
                   "The processor there, for --cpu-cap: what `criu cpuinfo dump` wrote; or: host"}},
      .examples = {{"kcheck restore /var/lib/checkpoints/web",
                    "what stands in the way here, and the command"},
                   {"kcheck restore web.tar --image root.img --kernel vmlinuz",
                    "in a guest that nobody has booted"},
                   {"kcheck restore images -- criu restore -D images --tcp-established",
                    "judges this command instead of a proposal"}},
      .passthrough = &options.passthrough,
      .run = [command, &options](Context& context) -> Result<int> {
        CG_TRY(matrix, load_matrix(options));
        CG_TRY(choice, choose_version(options, real_system(matrix), options.criu_binary));
        return deliver(check_restore(options, *command, choice.version, matrix), options, context.env);
      }};
}

}  // namespace cg
