#include "explain/explain_command.h"

#include <fmt/format.h>

#include <istream>
#include <limits>
#include <memory>

#include "base/text.h"
#include "criu/coverage.h"
#include "criu/log/log_file.h"
#include "criu/versions.h"
#include "explain/answer.h"
#include "explain/explain_wrapper.h"
#include "show/rows.h"
#include "show/show_command.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

// An argument that is no file is an error line when it has words, and a misspelled path when it has none.
Result<void> read_what(const ExplainCommand& command, Environment& env, Scene& scene) {
  if (command.what.empty()) return {};
  if (command.what == "-") {
    scene.log = load_criu_log(env.in);
    scene.log_name = "standard input";
    return {};
  }
  std::error_code none;
  if (fs::is_directory(command.what, none)) {
    CG_TRY(images, look_at_images(command.what));
    scene.images = std::move(images);
  } else if (fs::exists(command.what, none) || !command.what.contains(' ')) {
    CG_TRY(log, load_criu_log(fs::path(command.what)));
    scene.log = std::move(log);
    scene.log_name = command.what;
  } else {
    scene.log = read_criu_log(command.what);
    scene.log_name = "the line given";
  }
  return {};
}

// Its program may have another name, which then says nothing of what its words mean.
bool is_criu(const ProcessSeen& process) {
  if (process.command.empty()) return false;
  const std::string program = process.command.front().substr(0, process.command.front().find(' '));
  return program.substr(program.rfind('/') + 1).contains("criu");
}

// Its command line. A runtime talks to `criu swrk FD` over a socket: that says nothing until criu, built with
// libbsd, writes what it was asked for over it: "criu: dump --rpc -t 534 -D DIR" (criu/cr-service.c).
std::vector<std::string> words_of(const ProcessSeen& process) {
  std::vector<std::string> words = process.command;
  if (words.size() == 1 && words[0].starts_with("criu: ")) {
    words = split(words[0].substr(6), ' ');
    std::erase(words, "--rpc");
    words.insert(words.begin(), "criu");
  }
  if (words.size() > 1 && (words[1] == "swrk" || words[1] == "service")) return {};
  if (!is_criu(process)) return {};
  return words;
}

// The log that it has open, seen from here or through its own root.
void read_log_of(const fs::path& root, Scene& scene) {
  for (const auto& name : scene.process->logs) {
    const fs::path below = fs::path(name).relative_path();
    const std::string own = std::to_string(scene.process->criu.pid);
    for (const auto& path : {root / "proc" / own / "root" / below, root / below}) {
      auto log = load_criu_log(path);
      if (!log) continue;
      scene.log = std::move(*log);
      scene.log_name = path.string();
      return;
    }
  }
}

// The criu command: behind "--", else that of the process.
Result<void> read_command(const KcheckOptions& options, const Version& version, Scene& scene) {
  std::vector<std::string> words = options.passthrough;
  if (words.empty() && scene.process) words = words_of(*scene.process);
  if (words.empty()) return {};
  CG_TRY(table, builtin_option_table());
  scene.command = parse_criu_command(table, version, words);
  return {};
}

// Where -W, -D and -o of the command say that they are, if they are there.
void follow_command(Scene& scene) {
  if (!scene.command) return;
  const auto directory = scene.command->value("images-dir");
  std::error_code none;
  if (!scene.images && directory && fs::is_directory(*directory, none))
    if (auto images = look_at_images(*directory)) scene.images = std::move(*images);
  const auto log = scene.command->value("log-file");
  const auto work = scene.command->value("work-dir").value_or(directory.value_or("."));
  if (scene.log || !log) return;
  const fs::path path = fs::path(work) / *log;
  if (auto read = load_criu_log(path)) {
    scene.log = std::move(*read);
    scene.log_name = path.string();
  }
}

// Fills in `version` from the log where it was not asked for.
Result<Scene> look(const KcheckOptions& options, const ExplainCommand& command,
                   std::optional<Version>& version, Environment& env) {
  Scene scene;
  CG_CHECK(read_what(command, env, scene));
  if (!version && scene.log) version = leading_version(scene.log->criu_version);
  if (!command.images.empty()) {
    CG_TRY(images, look_at_images(command.images));
    scene.images = std::move(images);
  }
  if (command.pid != 0) {
    CG_TRY(process, look_at_process(command.root, command.pid));
    scene.process = std::move(process);
  }
  CG_CHECK(read_command(options, version.value_or(criu_versions().preferred), scene));
  follow_command(scene);
  if (!scene.log && scene.process) read_log_of(command.root, scene);
  follow_wrapper(scene);
  if (!scene.log && scene.images && !scene.images->log.empty()) {
    const fs::path path = fs::path(scene.images->directory) / scene.images->log;
    CG_TRY(log, load_criu_log(path));
    scene.log = std::move(log);
    scene.log_name = path.string();
  }
  // A process that traces nothing yet: the task that its -t names.
  if (scene.process && scene.process->targets.empty() && scene.command)
    if (const auto tree = scene.command->value("tree"))
      if (auto task = look_at_task(command.root, std::atoi(tree->c_str())))
        scene.process->targets.push_back(std::move(*task));
  return scene;
}

Result<int> show_instead(const KcheckOptions& options, const ExplainCommand& command, Environment& env) {
  if (!command.what.empty() || !command.images.empty() || command.pid != 0 || !options.passthrough.empty())
    return usage_error("--id prints a page and explains nothing else; leave out one or the other");
  return show(options, command.id, command.knowledge, env);
}

Result<std::optional<Version>> asked_version(const KcheckOptions& options) {
  if (options.criu.empty()) return std::nullopt;
  CG_TRY(version, criu_versions().resolve(options.criu));
  return std::optional(version);
}

}  // namespace

Command explain_command(KcheckOptions& options) {
  const auto command = std::make_shared<ExplainCommand>();
  return {
      .name = "explain",
      .help = "Name the cause of a failed or hanging criu, and the remedy",
      .options = {{"WHAT", &command->what,
                   "A log, an images directory, - for standard input, or an error line"},
                  {"--images DIR", &command->images, "The directory that the images were written to"},
                  {"--pid PID",
                   &command->pid,
                   "The criu that hangs",
                   {.range = {{1, std::numeric_limits<int>::max()}}}},
                  {"--knowledge FILE", &command->knowledge, "Causes to know instead of those compiled in"},
                  {"--id ID",
                   &command->id,
                   "Print the page of a cause, a finding or a requirement, as `kcheck show` does",
                   {.known = known_row_ids}}},
      .examples = {{"kcheck explain dump.log", "an empty or missing log is an answer, too"},
                   {"kcheck explain --pid 534 --images DIR", "of a criu that hangs"},
                   {"kcheck explain d.log -- criu dump -t 1 -v4 -o d.log",
                    "with the command, which says more"},
                   {"kcheck explain --id tree.root-dead", "what is known under an id of a report"}},
      .passthrough = &options.passthrough,
      .run = [command, &options](Context& context) -> Result<int> {
        if (!command->id.empty()) return show_instead(options, *command, context.env);
        return deliver(explain(options, *command, context.env), options, context.env);
      }};
}

Result<Report> explain(const KcheckOptions& options, const ExplainCommand& command, Environment& env) {
  if (command.what.empty() && command.images.empty() && command.pid == 0 && options.passthrough.empty())
    return usage_error(
        "nothing to explain; give a log, an images directory, an error line, --pid, or the command behind "
        "'--'");
  CG_TRY(version, asked_version(options));
  const bool asked = version.has_value();
  CG_TRY(knowledge, load_knowledge(command.knowledge));
  CG_TRY(scene, look(options, command, version, env));
  if (!version && scene.log) version = leading_version(scene.log->criu_version);

  Report report{"explain", version ? version->text() : "", {}};
  CG_TRY(subject, answer(scene, knowledge, version));
  if (scene.process && !is_criu(*scene.process))
    subject.facts.emplace_back(
        "not criu", fmt::format("{} goes by another name: --pid is for the criu that hangs, not for "
                                "what it dumps (pgrep -n criu)",
                                scene.process->criu.pid));
  if (asked && version && !criu_versions().cover(*version, Matter::words)) {
    respect_coverage(subject.findings, *version, Matter::words);
    subject.verdict = Verdict::unknown;
  } else if (version && !criu_versions().cover(*version, Matter::words)) {
    // What the log itself proves stands; only what this version offers beside is not known.
    subject.facts.emplace_back("covered",
                               "not this version: options named here may be newer or older than it");
  }
  report.subjects.push_back(std::move(subject));
  return report;
}

}  // namespace cg
