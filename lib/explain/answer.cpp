#include "explain/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "criu/command.h"
#include "criu/versions.h"
#include "explain/unknown.h"

namespace cg {
namespace {

using Proof = Diagnosis::Proof;

std::vector<std::string> remedies(const Cause& cause, const std::optional<Version>& version,
                                  const std::vector<std::string>& holes) {
  std::vector<std::string> texts;
  for (const auto& remedy : cause.fix) {
    if (version && !remedy.criu.contains(*version)) continue;
    std::string text = fill_holes(remedy.text, holes);
    if (!version && !remedy.criu.everything()) text += fmt::format(" (CRIU {})", remedy.criu.text());
    texts.push_back(std::move(text));
  }
  if (texts.empty())
    texts.push_back(version ? fmt::format("nothing that CRIU {} offers clears it", version->text())
                            : "nothing is known");
  return texts;
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
  finding.fix = join(remedies(cause, version, holes), "\n");
  finding.source = join(cause.sources, ", ");
  finding.proof = cause.proof;
  for (const auto& other : cause.without) finding.notes.push_back(fill_holes(other, holes));
  return finding;
}

void tell_line(const Scene& scene, const LogLine& line, Finding& finding) {
  finding.seen = line.text;
  if (!line.where.empty())
    finding.source = finding.source.empty() ? line.where : line.where + " in this CRIU; " + finding.source;
  finding.file = scene.log_name;
  finding.line = line.number;
}

std::string at_line(std::string_view word, const LogLine& line) {
  return fmt::format("{} line {}: {}", word, line.number, line.text);
}

// The error that is explained, or that cannot be; what else the log has stands in its notes.
void tell_log(const Scene& scene, const Diagnosis& diagnosis, const Knowledge& knowledge,
              const std::optional<Version>& version, Subject& subject) {
  constexpr std::size_t most_others = 3;
  if (!diagnosis.answer) {
    if (diagnosis.proof == Proof::end_only) subject.findings.push_back(only_the_end(*scene.log));
    return;
  }
  const Recognized& found = *diagnosis.answer;
  Finding finding = found.cause ? finding_of(*found.cause, found.holes, version)
                                : unknown_error(knowledge, *scene.log, found.line, version);
  tell_line(scene, found.line, finding);
  if (found.cause && diagnosis.proof != Proof::cause) {
    finding.verdict = Verdict::warn;
    for (auto& step : next_steps(*scene.log, found.line, version)) finding.fix += "\n" + step;
    for (auto& note : setting_of(found.line)) finding.notes.push_back(std::move(note));
  }
  if (diagnosis.before) finding.notes.push_back(at_line("before it", diagnosis.before->line));
  std::size_t told = 0;
  for (const auto& other : diagnosis.others)
    if (other.line.number > found.line.number && ++told <= most_others)
      finding.notes.push_back(at_line("after it", other.line));
  subject.findings.push_back(std::move(finding));
}

// What the first of them proves.
Proof tell_signs(const std::vector<Sign>& signs, const Knowledge& knowledge,
                 const std::optional<Version>& version, Subject& subject) {
  Proof proof = Proof::open;
  for (const auto& sign : signs) {
    const Cause* cause = knowledge.with_sign(sign.name);
    if (!cause) continue;
    if (subject.findings.empty() && cause->role == Cause::Role::guess) proof = Proof::guess;
    Finding finding = finding_of(*cause, sign.holes, version);
    finding.seen = join(sign.evidence, "\n");
    subject.findings.push_back(std::move(finding));
  }
  return proof;
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
  if (!scene.named_by.empty()) facts.emplace_back("named by", scene.named_by);
  if (!scene.named_log.empty())
    facts.emplace_back("names", scene.named_log + ", which is not here: CRIU's own log, the next to read");
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

void set_headline(const Diagnosis& diagnosis, Subject& subject) {
  const Finding* first = subject.findings.empty() ? nullptr : &subject.findings[0];
  const bool named = first && first->verdict == Verdict::fail && first->id != "unknown";
  subject.verdict = named || diagnosis.proof == Proof::nothing_failed ? Verdict::pass : Verdict::fail;
  if (diagnosis.proof == Proof::nothing_failed)
    subject.headline = "NOTHING FAILED: the log ends with success";
  else if (named)
    subject.headline = "CAUSE: " + first->title;
  else if (diagnosis.proof == Proof::guess)
    subject.headline = "POSSIBLY: " + first->title;
  else if (diagnosis.proof == Proof::end_only)
    subject.headline =
        "NOT KNOWN: the log says that criu failed, but not why; the lines above that one are missing";
  else if (diagnosis.proof == Proof::hint)
    subject.headline = "NOT KNOWN here: " + first->title;
  else
    subject.headline = "NOT KNOWN: nothing here is a cause that kcheck knows";
}

}  // namespace

Result<Subject> answer(const Scene& scene, const Knowledge& knowledge,
                       const std::optional<Version>& version) {
  Subject subject;
  subject.name = scene.log ? scene.log_name : scene.images ? scene.images->directory : "no log";
  Diagnosis diagnosis;
  if (scene.log) diagnosis = diagnose(knowledge, *scene.log);
  // Processes and images tell more than where the log breaks off.
  const bool seen = scene.process || scene.images;
  Proof signs = Proof::open;
  if (diagnosis.proof != Proof::open && !(diagnosis.breaks_off && seen))
    tell_log(scene, diagnosis, knowledge, version, subject);
  else
    signs = tell_signs(read_signs(scene), knowledge, version, subject);
  if (signs != Proof::open) diagnosis.proof = signs;
  if (diagnosis.breaks_off && subject.findings.empty())
    tell_log(scene, diagnosis, knowledge, version, subject);
  add_facts(scene, version, subject);
  set_headline(diagnosis, subject);
  CG_CHECK(tell_command(scene, version.value_or(criu_versions().preferred), subject));
  return subject;
}

}  // namespace cg
