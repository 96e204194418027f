#include "explain/explain_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <istream>
#include <limits>
#include <memory>

#include "base/file.h"
#include "base/text.h"
#include "criu/explain.h"
#include "explain/explain_signs.h"
#include "flags/flags_command.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

Result<CriuLog> read_log(const fs::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return cannot_errno(path.string(), errno);
  LogReader reader;
  std::array<char, 1 << 16> bytes;
  while (true) {
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_errno(path.string(), errno);
    if (count == 0) return reader.finish();
    reader.feed({bytes.data(), static_cast<std::size_t>(count)});
  }
}

CriuLog read_log(std::istream& in) {
  LogReader reader;
  std::array<char, 1 << 16> bytes;
  while (in.read(bytes.data(), bytes.size()) || in.gcount() > 0)
    reader.feed({bytes.data(), static_cast<std::size_t>(in.gcount())});
  return reader.finish();
}

// An argument that is no file is an error line when it has words, and a misspelled path when it has none.
Result<void> read_what(const ExplainCommand& command, Environment& env, Scene& scene) {
  if (command.what.empty()) return {};
  if (command.what == "-") {
    scene.log = read_log(env.in);
    scene.log_name = "standard input";
    return {};
  }
  std::error_code none;
  if (fs::is_directory(command.what, none)) {
    CG_TRY(images, look_at_images(command.what));
    scene.images = std::move(images);
  } else if (fs::exists(command.what, none) || !command.what.contains(' ')) {
    CG_TRY(log, read_log(fs::path(command.what)));
    scene.log = std::move(log);
    scene.log_name = command.what;
  } else {
    scene.log = read_criu_log(command.what);
    scene.log_name = "the line given";
  }
  return {};
}

// The criu command: behind "--", else that of the process.
Result<void> read_command(const KcheckOptions& options, const Version& version, Scene& scene) {
  std::vector<std::string> words = options.behind;
  if (words.empty() && scene.process) words = scene.process->command;
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
  if (auto read = read_log(path)) {
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
  CG_CHECK(read_command(options, version.value_or(default_criu_version()), scene));
  follow_command(scene);
  if (!scene.log && scene.images && !scene.images->log.empty()) {
    const fs::path path = fs::path(scene.images->directory) / scene.images->log;
    CG_TRY(log, read_log(path));
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

std::string remedies(const Cause& cause, const std::optional<Version>& version,
                     const std::vector<std::string>& holes) {
  std::vector<std::string> texts;
  for (const auto& remedy : cause.fix) {
    if (version && !remedy.criu.contains(*version)) continue;
    std::string text = fill_holes(remedy.text, holes);
    if (!version && !remedy.criu.everything()) text += fmt::format(" (CRIU {})", remedy.criu.text());
    texts.push_back(std::move(text));
  }
  if (texts.empty())
    return version ? fmt::format("nothing that CRIU {} offers clears it", version->text())
                   : "nothing is known";
  return join(texts, "\n");
}

Finding finding_of(const Cause& cause, const std::vector<std::string>& holes,
                   const std::optional<Version>& version) {
  Finding finding;
  finding.id = cause.id;
  finding.title = fill_holes(cause.title, holes);
  finding.verdict = cause.role == Cause::Role::cause ? Verdict::fail : Verdict::warn;
  finding.severity = cause.stage;
  finding.required = true;
  finding.breaks = fill_holes(cause.why, holes);
  finding.fix = remedies(cause, version, holes);
  finding.source = join(cause.sources, ", ");
  for (const auto& other : cause.nots) finding.notes.push_back(fill_holes(other, holes));
  return finding;
}

// The error texts: the first cause is the answer, what follows is told as something that is also there.
void tell_errors(const Scene& scene, const Diagnosis& diagnosis, const std::optional<Version>& version,
                 Subject& subject) {
  for (const auto& found : diagnosis.causes) {
    Finding finding = finding_of(*found.cause, found.holes, version);
    if (!subject.findings.empty()) finding.verdict = Verdict::warn;
    finding.seen = (found.line.where.empty() ? "" : found.line.where + ": ") + found.line.text;
    finding.file = scene.log_name;
    finding.line = found.line.number;
    subject.findings.push_back(std::move(finding));
  }
}

void tell_unknown(const Scene& scene, const Diagnosis& diagnosis, const Knowledge& knowledge,
                  Subject& subject) {
  constexpr std::size_t most = 3;
  for (const auto& line : diagnosis.unknown) {
    if (subject.findings.size() == most) break;
    Finding finding;
    finding.id = "unknown";
    finding.title = "An error that is not known here";
    finding.verdict = Verdict::fail;
    finding.required = true;
    finding.severity = "unknown";
    finding.seen = (line.where.empty() ? "" : line.where + ": ") + line.text;
    finding.file = scene.log_name;
    finding.line = line.number;
    const auto near = nearest_texts(knowledge, line.text);
    for (const auto& text : near) finding.notes.push_back("nearest known: " + text);
    finding.fix =
        "its place in CRIU's source says what it is about: " + (line.where.empty() ? "?" : line.where);
    subject.findings.push_back(std::move(finding));
  }
}

void tell_signs(const std::vector<Sign>& signs, const Knowledge& knowledge,
                const std::optional<Version>& version, Subject& subject) {
  for (const auto& sign : signs) {
    const Cause* cause = knowledge.with_sign(sign.name);
    if (!cause) continue;
    Finding finding = finding_of(*cause, sign.holes, version);
    finding.seen = join(sign.evidence, "\n");
    subject.findings.push_back(std::move(finding));
  }
}

// What is wrong with the command itself goes with the cause: it may be why the last attempt changed nothing.
Result<void> tell_command(const Scene& scene, const Version& version, Subject& subject) {
  if (!scene.command) return {};
  CG_TRY(table, builtin_option_table());
  for (auto& finding : judge_criu_command(table, version, *scene.command)) {
    finding.verdict = Verdict::warn;
    subject.findings.push_back(std::move(finding));
  }
  return {};
}

void add_facts(const Scene& scene, const std::optional<Version>& version, Subject& subject) {
  auto& facts = subject.facts;
  if (scene.log)
    facts.emplace_back("log", fmt::format("{}: {} lines, {} errors{}", scene.log_name, scene.log->lines,
                                          scene.log->error_count, scene.log->empty() ? "; it is empty" : ""));
  if (version) facts.emplace_back("criu", version->text());
  if (scene.log && !scene.log->kernel.empty()) facts.emplace_back("kernel", scene.log->kernel);
  if (scene.images)
    facts.emplace_back("images",
                       fmt::format("{}: {} images", scene.images->directory, scene.images->files.size()));
  if (scene.process)
    facts.emplace_back("process", fmt::format("{} ({}): {}", scene.process->criu.pid,
                                              scene.process->criu.name, describe(scene.process->criu)));
  if (scene.process && !scene.process->program.empty()) facts.emplace_back("program", scene.process->program);
  if (scene.process && !scene.process->logs.empty())
    facts.emplace_back("writes to", join(scene.process->logs, ", "));
  if (scene.command) facts.emplace_back("action", scene.command->action);
}

Result<std::optional<Version>> asked_version(const KcheckOptions& options) {
  if (options.criu.empty()) return std::nullopt;
  CG_TRY(version, resolve_criu_version(options.criu));
  return std::optional(version);
}

void set_headline(const Scene& scene, const Diagnosis& diagnosis, Subject& subject) {
  const auto cause = std::ranges::find(subject.findings, Verdict::fail, &Finding::verdict);
  if (cause != subject.findings.end() && cause->id != "unknown") {
    subject.verdict = Verdict::pass;  // the question was answered
    subject.headline = "CAUSE: " + cause->title;
  } else {
    subject.verdict = Verdict::fail;
    const bool finished = scene.log && scene.log->finished && !diagnosis.failed;
    subject.headline =
        finished ? "NOTHING FAILED: the log ends with success"
        : diagnosis.failed && diagnosis.unknown.empty()
            ? "NOT KNOWN: the log says that criu failed, but not why; the lines above that one are missing"
            : "NOT KNOWN: nothing here is a cause that kcheck knows";
  }
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
                  {"--knowledge FILE", &command->knowledge, "Causes to know instead of those compiled in"}},
      .examples = {{"kcheck explain dump.log", "an empty or missing log is an answer, too"},
                   {"kcheck explain --pid 534 --images DIR", "of a criu that hangs"},
                   {"kcheck explain d.log -- criu dump -t 1 -v4 -o d.log",
                    "with the command, which says more"}},
      .behind = &options.behind,
      .run = [command, &options](Context& context) {
        return deliver(explain(options, *command, context.env), options, context.env);
      }};
}

Result<Report> explain(const KcheckOptions& options, const ExplainCommand& command, Environment& env) {
  if (command.what.empty() && command.images.empty() && command.pid == 0 && options.behind.empty())
    return usage_error(
        "nothing to explain; give a log, an images directory, an error line, --pid, or the command behind "
        "'--'");
  CG_TRY(version, asked_version(options));
  Knowledge knowledge;
  if (command.knowledge.empty()) {
    CG_TRY(builtin, builtin_knowledge());
    knowledge = std::move(builtin);
  } else {
    CG_TRY(text, read_file(command.knowledge, 16 << 20));
    CG_TRY(given, parse_knowledge(text, command.knowledge));
    knowledge = std::move(given);
  }
  CG_TRY(scene, look(options, command, version, env));
  if (!version && scene.log) version = leading_version(scene.log->criu_version);

  Report report{"explain", version ? version->text() : "", {}};
  Subject subject;
  subject.name = scene.log ? scene.log_name : scene.images ? scene.images->directory : "no log";
  Diagnosis diagnosis;
  if (scene.log) diagnosis = diagnose(knowledge, *scene.log);
  tell_errors(scene, diagnosis, version, subject);
  if (subject.findings.empty()) tell_unknown(scene, diagnosis, knowledge, subject);
  const bool finished = scene.log && scene.log->finished;
  if (subject.findings.empty() && !diagnosis.failed && !finished)
    tell_signs(read_signs(scene), knowledge, version, subject);
  CG_CHECK(tell_command(scene, version.value_or(default_criu_version()), subject));
  add_facts(scene, version, subject);
  set_headline(scene, diagnosis, subject);
  report.subjects.push_back(std::move(subject));
  return report;
}

}  // namespace cg
