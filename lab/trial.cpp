#include "trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/process.h"
#include "base/text.h"
#include "base/toml/toml.h"
#include "change.h"
#include "criu/versions.h"
#include "runtime.h"
#include "start.h"

namespace cg::lab {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Longer than any dump takes, also on a busy machine, and than CRIU's own limit of 10 s. Where a hang is
// foretold, a dump of 0.5 s has had time enough after 8.
constexpr std::chrono::seconds hang_limit{60};
constexpr std::chrono::seconds foretold_hang_limit{8};
constexpr std::chrono::seconds foretold_restore_limit{20};

struct Prediction {
  Answer answer = Answer::works;
  std::string reasons;
};

class CaseRun {
 public:
  CaseRun(const Case& one, const Programs& programs) : case_(one), programs_(programs) {}
  Result<void> prepare();
  Outcome run(const Version& version, const Version& restored_by);

 private:
  // `terminal`: the name of one that shall be the command's own; "": none.
  Result<ProcessResult> behind_filters(const std::vector<std::string>& words,
                                       const std::string& terminal = {},
                                       std::chrono::seconds limit = hang_limit,
                                       const std::map<std::string, std::string>& environment = {}) const;
  Result<Json> ask(std::vector<std::string> words) const;
  Result<Prediction> predict(const Version& version, pid_t pid) const;
  Result<Running> fresh_task();
  Answer deed(const Version& version, Running& running, Answer foretold,
              const std::vector<std::string>& dump_options, const std::vector<std::string>& restore_options,
              const std::map<std::string, std::string>& environment, std::string& message);
  std::filesystem::path new_images(const Version& version) const;
  // nullopt: it is dumped.
  std::optional<Answer> dump_deed(const Version& version, const Running& running, Answer foretold,
                                  const std::vector<std::string>& dump_options,
                                  const std::map<std::string, std::string>& environment,
                                  const std::filesystem::path& images, std::string& message);
  Answer restore_deed(const Version& version, Running& running,
                      const std::vector<std::string>& restore_options,
                      const std::map<std::string, std::string>& environment,
                      const std::filesystem::path& images, std::string& message,
                      std::chrono::seconds limit = hang_limit);
  Result<void> changed_trial(const Version& version, const Version& by, Outcome& outcome);
  Answer deed_of_runtime(const Version& version, Running& running, std::string& message);
  Result<void> trial(const Version& version, Outcome& outcome);

  const Case& case_;
  const Programs& programs_;
  int number_ = 0;
};

Result<ProcessResult> CaseRun::behind_filters(const std::vector<std::string>& words,
                                              const std::string& terminal, std::chrono::seconds limit,
                                              const std::map<std::string, std::string>& environment) const {
  std::vector<std::string> argv{"/proc/self/exe", "behind", terminal};
  for (const auto& taking : case_.away)
    if (taking.is_filter()) argv.push_back(join(taking.words, " "));
  argv.emplace_back("--");
  argv.insert(argv.end(), words.begin(), words.end());
  ProcessOptions options;
  options.timeout = limit;
  options.set_variables = environment;
  return cg::run(argv, options);
}

// kcheck could not even read it: as a finding.
Json refusal(const Json& error) {
  Json finding;
  finding["id"] = error["message"];
  finding["verdict"] = "FAIL";
  finding["severity"] = "restore";
  return Json::array({finding});
}

Result<Json> CaseRun::ask(std::vector<std::string> words) const {
  words.insert(words.begin(), programs_.kcheck);
  CG_TRY(result, behind_filters(words));
  Json answer = Json::parse(result.out.empty() ? result.err : result.out, nullptr, false);
  if (answer.is_discarded()) return cannot(fmt::format("{}: {}", join(words, " "), result.err));
  if (answer.contains("message")) answer["subjects"] = Json::array({{{"findings", refusal(answer)}}});
  return answer;
}

// What kcheck foretells of a tree: the earliest step at which something of it stops.
Answer answer_of(const Json& report) {
  static const std::set<std::string> hanging{"tree.frozen", "tree.freezes-itself", "kernel.breakpoints-fire"};
  Answer earliest = Answer::works;
  for (const Json& finding : report["subjects"][0]["findings"]) {
    if (finding["verdict"] != "FAIL") continue;
    const std::string severity = finding["severity"];
    const Answer answer = severity == "startup"             ? Answer::no_start
                          : severity == "restore"           ? Answer::restore_fails
                          : hanging.contains(finding["id"]) ? Answer::hangs
                                                            : Answer::dump_refused;
    if (earliest == Answer::works || answer < earliest) earliest = answer;
  }
  return earliest;
}

std::string failing_ids(const Json& report) {
  std::vector<std::string> ids;
  for (const Json& finding : report["subjects"][0]["findings"])
    if (finding["verdict"] == "FAIL") ids.push_back(finding["id"]);
  return join(ids, ", ");
}

Result<Prediction> CaseRun::predict(const Version& version, pid_t pid) const {
  CG_TRY(tree, ask({"tree", std::to_string(pid), "--criu", version.text(), "--format", "json", "--", "criu",
                    "dump", "--tree", std::to_string(pid)}));
  return Prediction{answer_of(tree), failing_ids(tree)};
}

std::string first_errors(const fs::path& log) {
  const std::string text = read_file(log).value_or("");
  std::vector<std::string> lines;
  for (const auto line : split_lines(text))
    if (line.contains("Error (") && !line.contains("ing FAILED") && lines.size() < 2)
      lines.emplace_back(line.substr(line.find("Error (")));
  return join(lines, " | ").substr(0, 300);
}

// What an earlier task left in /tmp, and CRIU's links to its files, would be in the way of the next.
void clear_tmp() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/tmp", ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("lab-") && !name.starts_with("link_remap.")) continue;
    umount2(entry.path().c_str(), MNT_DETACH);  // what a kind has mounted
    fs::remove_all(entry.path(), ignored);
  }
}

Result<Running> CaseRun::fresh_task() {
  clear_tmp();
  const fs::path work = fmt::format("/run/lab/work-{}-{}", case_.id, ++number_);
  CG_TRY(running, start(case_.place, case_.holds, work));
  for (const auto& deed : case_.after)
    if (auto done = afterwards(deed, running); !done) {
      finish(running);
      return std::unexpected(done.error());
    }
  return running;
}

Answer CaseRun::deed(const Version& version, Running& running, Answer foretold,
                     const std::vector<std::string>& dump_options,
                     const std::vector<std::string>& restore_options,
                     const std::map<std::string, std::string>& environment, std::string& message) {
  const fs::path images = new_images(version);
  if (const auto failed = dump_deed(version, running, foretold, dump_options, environment, images, message))
    return *failed;
  const Answer answer = restore_deed(version, running, restore_options, environment, images, message);
  if (answer == Answer::works) fs::remove_all(images);
  return answer;
}

fs::path CaseRun::new_images(const Version& version) const {
  // A mount namespace that has the tmpfs on /run would have the images in its own archive.
  const fs::path images =
      fmt::format("{}/lab-{}-{}-{}", case_.place.starts_with("mount-namespace") ? "/var/tmp" : "/run",
                  case_.id, version.text(), number_);
  fs::remove_all(images);
  fs::create_directories(images);
  return images;
}

std::optional<Answer> CaseRun::dump_deed(const Version& version, const Running& running, Answer foretold,
                                         const std::vector<std::string>& dump_options,
                                         const std::map<std::string, std::string>& environment,
                                         const fs::path& images, std::string& message) {
  fs::remove("/run/criu.kdat");  // what an earlier case's criu found out
  const std::string criu = programs_.criu.at(version);
  std::vector<std::string> dump{criu,           "dump",          "--tree", std::to_string(running.pid),
                                "--images-dir", images.string(), "-v4",    "--log-file",
                                "dump.log"};
  dump.insert(dump.end(), dump_options.begin(), dump_options.end());
  const auto dumped =
      behind_filters(dump, "", foretold == Answer::hangs ? foretold_hang_limit : hang_limit, environment);
  if (!dumped || dumped->status != 0) {
    const auto log = read_file(images / "dump.log");
    message = first_errors(images / "dump.log");
    if (dumped && dumped->timed_out) return Answer::hangs;
    const std::string all = (log ? *log : "") + (dumped ? dumped->err : "");
    return all.contains("Could not initialize kernel features detection") ? Answer::no_start
                                                                          : Answer::dump_refused;
  }
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  return std::nullopt;
}

Answer CaseRun::restore_deed(const Version& version, Running& running,
                             const std::vector<std::string>& restore_options,
                             const std::map<std::string, std::string>& environment, const fs::path& images,
                             std::string& message, std::chrono::seconds limit) {
  std::vector<std::string> restore{programs_.criu.at(version),
                                   "restore",
                                   "--images-dir",
                                   images.string(),
                                   "-v4",
                                   "--log-file",
                                   "restore.log",
                                   "--restore-detached",
                                   "--pidfile",
                                   (images / "pid").string()};
  std::vector<UniqueFd> inherited;
  for (std::string word : restore_options) {
    constexpr std::string_view open_question = "fd[N]:";
    if (word.starts_with(open_question)) {
      const int fd = descriptor_for(word.substr(open_question.size()), running);
      inherited.emplace_back(fd);
      word = fmt::format("fd[{}]:{}", fd, word.substr(open_question.size()));
    }
    // What cannot be seen from here, its user has to supply: here, an empty directory.
    if (word.ends_with(":SOURCE")) {
      fs::create_directories("/run/lab/source");
      word.replace(word.size() - 6, 6, "/run/lab/source");
    }
    restore.push_back(word);
  }
  // --shell-job hands the restored task the terminal that criu itself has.
  std::string terminal;
  if (std::ranges::find(restore, "--shell-job") != restore.end())
    terminal = new_terminal(running).value_or("");
  fs::remove("/run/criu.kdat");
  const auto restored = behind_filters(restore, terminal, limit, environment);
  const auto pid = read_file(images / "pid");
  if (pid) running.pid = std::atoi(pid->c_str());
  if (!restored || restored->status != 0) {
    message = first_errors(images / "restore.log");
    const auto log = read_file(images / "restore.log");
    return (log ? *log : "").contains("Could not initialize kernel features detection")
               ? Answer::no_start
               : Answer::restore_fails;
  }
  if (!running.cgroup.empty()) {
    // A paused container comes back paused.
    for (const char* thaw : {"cgroup.freeze", "freezer.state"}) {
      const UniqueFd fd(open((running.cgroup / thaw).c_str(), O_WRONLY | O_CLOEXEC));
      if (fd) (void)write_all(fd.get(), thaw[0] == 'c' ? "0" : "THAWED", thaw);
    }
    const UniqueFd fd(open((running.cgroup.parent_path() / "cgroup.freeze").c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) (void)write_all(fd.get(), "0", "cgroup.freeze");
  }
  if (counts_on(running)) return Answer::works;
  message = "restored, but it does not count on";
  return Answer::restore_fails;
}

Answer CaseRun::deed_of_runtime(const Version& version, Running& running, std::string& message) {
  const fs::path images = fmt::format("/run/lab-{}-{}-{}", case_.id, version.text(), number_);
  fs::create_directories(images);
  fs::remove("/run/criu.kdat");
  const std::string criu = programs_.criu.at(version);
  if (auto done = checkpoint_by_runtime(running, criu, images); !done) {
    message = done.error().message + " | " + first_errors(images / "dump.log");
    return Answer::dump_refused;
  }
  if (auto done = restore_by_runtime(running, criu, images); !done) {
    message = done.error().message + " | " + first_errors(images / "restore.log");
    return Answer::restore_fails;
  }
  message = "restored, but it does not count on";
  if (!counts_on(running)) return Answer::restore_fails;
  message.clear();
  fs::remove_all(images);
  return Answer::works;
}

// The proposal's words behind `criu dump --tree … --log-file dump.log`: those that make the difference.
std::vector<std::string> words_behind(const Json& command, std::string_view last) {
  std::vector<std::string> words;
  bool behind = false;
  for (const Json& word : command) {
    const std::string text = word;
    if (behind) words.push_back(text);
    behind = behind || text == last;
  }
  return words;
}

// The variables in front of it: `env VARIABLE=VALUE criu …`.
std::map<std::string, std::string> environment_of(const Json& command) {
  std::map<std::string, std::string> variables;
  for (std::size_t at = 1; command.at(0) == "env" && at < command.size(); ++at) {
    const std::string word = command[at];
    const std::size_t equals = word.find('=');
    if (word.starts_with('-') || equals == std::string::npos) break;
    variables[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return variables;
}

// Between dump and restore the world is changed: kcheck restore is asked then, of the command that kcheck
// tree proposed, and for one of its own.
Result<void> CaseRun::changed_trial(const Version& version, const Version& by, Outcome& outcome) {
  CG_TRY(running, fresh_task());
  const auto proposal =
      ask({"tree", std::to_string(running.pid), "--criu", version.text(), "--format", "json"});
  if (!proposal || !(*proposal)["subjects"][0].contains("commands")) {
    finish(running);
    return proposal ? cannot("kcheck tree proposes nothing: " + failing_ids(*proposal))
                    : std::unexpected(proposal.error());
  }
  const Json& commands = (*proposal)["subjects"][0]["commands"];
  const auto environment = environment_of(commands["dump"]);
  const auto given = words_behind(commands["restore"], "--restore-detached");
  const fs::path images = new_images(version);
  if (dump_deed(version, running, Answer::works, words_behind(commands["dump"], "dump.log"), environment,
                images, outcome.message)) {
    finish(running);
    return cannot("it could not be dumped: " + outcome.message);
  }
  const auto done = [&]() -> Result<void> {
    for (const auto& change : case_.change) CG_CHECK(change_world(change, images, running));
    std::vector<std::string> question{"restore",       images.string(),       "--criu",   by.text(),
                                      "--criu-binary", programs_.criu.at(by), "--format", "json"};
    if (const auto root = std::ranges::find(given, "--root"); root != given.end() && root + 1 != given.end())
      question.insert(question.end(), {"--image", *(root + 1)});
    CG_TRY(own, ask(question));
    question.emplace_back("--");
    if (!environment.empty()) question.emplace_back("env");
    for (const auto& [name, value] : environment) question.push_back(name + "=" + value);
    question.insert(question.end(), {"criu", "restore", "--images-dir", images.string()});
    // Which number a descriptor will have is seen when it is opened.
    for (std::string word : given) {
      if (word.starts_with("fd[N]")) word.replace(3, 1, "9");
      question.push_back(std::move(word));
    }
    CG_TRY(judged, ask(question));
    // A criu that does not start restores nothing either; one with libnftables wants a network namespace to
    // start.
    const auto one_no = [](Answer answer) {
      return answer == Answer::no_start ? Answer::restore_fails : answer;
    };
    outcome.predicted = one_no(answer_of(judged));
    outcome.reasons = failing_ids(judged);
    outcome.expected = one_no(answer_of(own));
    // It may wait without end, for a lock that somebody holds.
    const auto limit = outcome.predicted == Answer::works ? hang_limit : foretold_restore_limit;
    outcome.happened = one_no(restore_deed(by, running, given, environment, images, outcome.message, limit));
    if (outcome.happened == Answer::works || !own["subjects"][0].contains("commands")) return {};
    const Json& command = own["subjects"][0]["commands"]["restore"];
    outcome.has_proposal = true;
    outcome.proposed = words_behind(command, "--restore-detached");
    // What a restore that failed has made ends behind criu, and holds its pid until then.
    for (int tenth = 0; tenth < 30 && running.pid > 0 && kill(running.pid, 0) == 0; ++tenth) {
      while (waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      usleep(100'000);
    }
    std::string message;
    outcome.with_proposal =
        one_no(restore_deed(by, running, outcome.proposed, environment_of(command), images, message, limit));
    if (outcome.with_proposal != outcome.expected) outcome.message = message;
    return {};
  }();
  finish(running);
  undo_changes();
  if (done && outcome.agrees()) fs::remove_all(images);
  return done;
}

Result<void> CaseRun::trial(const Version& version, Outcome& outcome) {
  if (!case_.change.empty()) return changed_trial(version, outcome.restored_by, outcome);
  CG_TRY(running, fresh_task());
  const auto prediction = predict(version, running.pid);
  const auto proposal =
      ask({"tree", std::to_string(running.pid), "--criu", version.text(), "--format", "json"});
  if (!prediction || !proposal) {
    finish(running);
    return std::unexpected(prediction ? proposal.error() : prediction.error());
  }
  outcome.predicted = prediction->answer;
  outcome.expected = answer_of(*proposal);
  outcome.reasons = prediction->reasons;
  std::vector<std::string> dump_options;
  std::vector<std::string> restore_options;
  std::map<std::string, std::string> environment;
  const Json& subject = (*proposal)["subjects"][0];
  if (subject.contains("commands")) {
    dump_options = words_behind(subject["commands"]["dump"], "dump.log");
    environment = environment_of(subject["commands"]["dump"]);
    restore_options = words_behind(subject["commands"]["restore"], "--restore-detached");
  }
  if (case_.through_runtime) {
    // The runtime finds its own options: what is foretold is that there are some that work.
    outcome.predicted = (*proposal)["exit_status"] == 1 ? Answer::dump_refused : Answer::works;
    outcome.reasons = outcome.predicted == Answer::works ? "" : outcome.reasons;
    outcome.happened = deed_of_runtime(version, running, outcome.message);
    finish(running);
    return {};
  }
  // Without need of an option for the dump, the proposal is what is run.
  const bool as_it_is = dump_options.empty() && environment.empty();
  outcome.happened = deed(version, running, outcome.predicted, {},
                          as_it_is ? restore_options : std::vector<std::string>(), {}, outcome.message);
  finish(running);
  if (as_it_is) return {};

  outcome.proposed = dump_options;
  for (const auto& [name, value] : environment)
    outcome.proposed.insert(outcome.proposed.begin(), name + "=" + value);
  outcome.has_proposal = true;
  CG_TRY(again, fresh_task());
  // Numbers of the kernel's objects are others now.
  const auto second = ask({"tree", std::to_string(again.pid), "--criu", version.text(), "--format", "json"});
  if (!second || !(*second)["subjects"][0].contains("commands")) {
    finish(again);
    return cannot("the second task was judged otherwise than the first");
  }
  const Json& commands = (*second)["subjects"][0]["commands"];
  std::string message;
  outcome.with_proposal = deed(version, again, outcome.expected, words_behind(commands["dump"], "dump.log"),
                               words_behind(commands["restore"], "--restore-detached"), environment, message);
  if (outcome.with_proposal != outcome.expected) outcome.message = message;
  finish(again);
  return {};
}

Result<void> CaseRun::prepare() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return cannot_errno("subreaper", errno);
  CG_CHECK(take_away_files(case_.away));
  return {};
}

Outcome CaseRun::run(const Version& version, const Version& restored_by) {
  Outcome outcome;
  outcome.id = case_.id;
  outcome.what = case_.what;
  outcome.criu = version;
  outcome.restored_by = restored_by;
  if (auto done = trial(version, outcome); !done) {
    outcome.broken = done.error().message;
    outcome.absent = done.error().kind == ErrorKind::refused;
  }
  return outcome;
}

Json to_object(const Outcome& outcome) {
  Json object{{"case", outcome.id},
              {"what", outcome.what},
              {"criu", outcome.criu.text()},
              {"kcheck", answer_name(outcome.predicted)},
              {"happened", answer_name(outcome.happened)},
              {"agrees", outcome.agrees()},
              {"reasons", outcome.reasons},
              {"message", outcome.message}};
  if (outcome.restored_by != outcome.criu) object["restored_by"] = outcome.restored_by.text();
  if (outcome.has_proposal) {
    object["proposed"] = outcome.proposed;
    object["expected_then"] = answer_name(outcome.expected);
    object["with_proposal"] = answer_name(outcome.with_proposal);
  }
  if (!outcome.broken.empty()) object[outcome.absent ? "absent" : "broken"] = outcome.broken;
  return object;
}

}  // namespace

std::string_view answer_name(Answer answer) {
  switch (answer) {
    case Answer::works:
      return "works";
    case Answer::no_start:
      return "does not start";
    case Answer::dump_refused:
      return "dump refused";
    case Answer::hangs:
      return "hangs";
    case Answer::restore_fails:
      return "restore fails";
  }
  return "?";
}

bool Outcome::agrees() const {
  if (!broken.empty()) return false;
  // The v1 freezer makes CRIU give up after 10 s, the v2 one makes it wait: kcheck names both "frozen".
  const auto frozen = [](Answer answer) { return answer == Answer::hangs ? Answer::dump_refused : answer; };
  if (frozen(predicted) != frozen(happened)) return false;
  return !has_proposal || with_proposal == expected;
}

Result<std::vector<Case>> load_cases(const fs::path& file) {
  CG_TRY(document, load_toml(file));
  TomlReader reader(document.root(), file.string());
  reader.only({"case"});
  std::vector<Case> cases;
  for (const auto* entry : reader.tables("case")) {
    TomlReader fields(*entry, file.string());
    fields.only({"id", "what", "away", "place", "holds", "after", "through_runtime", "change", "criu"});
    Case one;
    one.id = fields.required_string("id");
    one.what = fields.required_string("what");
    one.place = fields.string("place", "session");
    one.holds = fields.strings("holds");
    one.after = fields.strings("after");
    one.change = fields.strings("change");
    one.through_runtime = fields.boolean("through_runtime", false);
    const auto range = VersionRange::parse(fields.string("criu", "*"));
    if (!range) fields.fail("criu", range.error().message);
    for (const auto& text : fields.strings("away")) {
      auto taking = parse_taking(text);
      if (!taking)
        fields.fail("away", taking.error().message);
      else
        one.away.push_back(std::move(*taking));
    }
    CG_CHECK(fields.error());
    one.criu = *range;
    cases.push_back(std::move(one));
  }
  CG_CHECK(reader.error());
  return cases;
}

void run_case(const Case& one, const Programs& programs, Pairs pairs) {
  const pid_t child = fork();
  if (child == 0) {
    CaseRun run(one, programs);
    const auto ready = run.prepare();
    for (const auto& [version, path] : programs.criu)
      for (const auto& [by, other] : programs.criu) {
        if (!one.criu.contains(version) || (pairs == Pairs::same && by != version)) continue;
        Outcome outcome;
        if (ready) {
          outcome = run.run(version, by);
        } else {
          outcome.id = one.id;
          outcome.criu = version;
          outcome.restored_by = by;
          outcome.broken = ready.error().message;
        }
        const std::string line =
            to_object(outcome).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        (void)write_all(1, line, "standard output");
      }
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace cg::lab
