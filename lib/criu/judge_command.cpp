// What is wrong with a criu command line for a version of CRIU.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "criu/command.h"

namespace cg {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// CRIU reads numbers with atoi(3) and sizes with atol(3): what is no number silently becomes 0, a suffix that
// it does not know is dropped.
std::string wrong_form(std::string_view form, std::string_view value) {
  if (form == "pid" || form == "port") {
    if (!all_digits(value) || value.find_first_not_of('0') == value.npos) return "a number above 0 is meant";
  } else if (form == "fd" || form == "number") {
    if (!all_digits(value)) return "a number is meant; CRIU reads anything else as 0";
  } else if (form == "size") {
    const std::string_view digits = value.substr(0, value.find_first_not_of("0123456789"));
    const std::string_view suffix = value.substr(digits.size());
    if (digits.empty()) return "a number of bytes is meant, with K, M or G; CRIU reads anything else as 0";
    if (!suffix.empty() && suffix.find_first_of("KMG") == suffix.npos)
      return fmt::format("CRIU knows the suffixes K, M and G in capitals; '{}' is dropped: {} bytes", suffix,
                         digits);
  } else if (form == "verbosity") {
    const bool letters = value.find_first_not_of('v') == value.npos;
    if (!letters && !all_digits(value)) return "a number from 0 to 4, or v's, is meant; CRIU reads it as 0";
  } else if (form == "inodes") {
    for (const auto& inode : split(value, ','))
      if (!inode.empty() && (!all_digits(inode) || inode.find_first_not_of('0') == inode.npos))
        return "inode numbers separated by commas are meant";
  } else if (form == "cpu-caps") {
    for (auto word : split(value, ',')) {
      if (word.starts_with('^')) word.erase(0, 1);
      static const std::vector<std::string> known = {"fpu", "all", "none", "cpu", "ins"};
      if (!word.empty() && std::ranges::find(known, word) == known.end())
        return fmt::format("'{}' is none of cpu, fpu, ins, all, none{}", word, did_you_mean(word, known));
    }
  }
  return "";
}

std::vector<std::string> letters_of(std::string_view word) {
  std::vector<std::string> letters;
  for (const char letter : word.substr(0, 3)) letters.push_back(std::string("-") + letter);
  letters.push_back("…");
  return letters;
}

class Judge {
 public:
  Judge(const OptionTable& table, const Version& version, const CriuCommand& command)
      : table_(table), version_(version), command_(command) {}

  std::vector<Finding> judge() {
    for (const auto& problem : command_.problems) judge_problem(problem);
    judge_action();
    for (const auto& given : command_.options) judge_option(given);
    for (const auto& rule : table_.rules)
      if (holds(rule)) add(rule.id, rule.verdict, rule.title, "", rule.breaks, rule.fix, rule.source);
    return std::move(findings_);
  }

 private:
  void add(std::string id, Verdict verdict, std::string title, std::string seen, std::string breaks,
           std::string fix, std::string source) {
    Finding finding;
    finding.id = "flags." + id;
    finding.verdict = verdict;
    finding.required = true;
    finding.severity = command_.action.empty() ? "command" : command_.action;
    finding.title = std::move(title);
    finding.seen = std::move(seen);
    finding.breaks = std::move(breaks);
    finding.fix = std::move(fix);
    finding.source = std::move(source);
    const auto same = [&](const Finding& other) {
      return other.id == finding.id && other.title == finding.title && other.seen == finding.seen;
    };
    if (!std::ranges::any_of(findings_, same)) findings_.push_back(std::move(finding));
  }

  void judge_problem(const CommandProblem& problem) {
    const std::string dashed = (problem.word.starts_with("--") ? "--" : "-") + problem.name;
    switch (problem.kind) {
      case CommandProblem::Kind::unknown_option:
        return judge_unknown(problem, dashed);
      case CommandProblem::Kind::ambiguous_option: {
        std::vector<std::string> names;
        for (const auto& option : table_.options)
          if (option.name.starts_with(problem.name) && option.criu.contains(version_))
            names.push_back("--" + option.name);
        return add("ambiguous." + problem.name, Verdict::fail,
                   fmt::format("{} may be any of {}", dashed, join(names, ", ")), problem.word,
                   fmt::format("criu: option '{}' is ambiguous", problem.word), "write the whole name",
                   "getopt_long(3)");
      }
      case CommandProblem::Kind::value_missing:
        return add("value." + problem.name, Verdict::fail, dashed + " has no value", problem.word,
                   fmt::format("criu: option '{}' requires an argument", problem.word), "give its value",
                   "getopt_long(3)");
      case CommandProblem::Kind::one_dash:
        return add("one-dash." + problem.name, Verdict::fail,
                   fmt::format("{}: a dash is missing; CRIU reads the letters {}", problem.word,
                               join(letters_of(problem.name), ", ")),
                   problem.word, "another option than is meant, its help text or \"invalid option\"",
                   "write -" + problem.word, "getopt_long(3)");
      case CommandProblem::Kind::value_unexpected:
        return add("value." + problem.name, Verdict::fail, dashed + " takes no value", problem.word,
                   fmt::format("criu: option '{}' doesn't allow an argument", dashed), "write " + dashed,
                   "getopt_long(3)");
    }
  }

  void judge_unknown(const CommandProblem& problem, const std::string& dashed) {
    std::string fix, source = "getopt_long(3)";
    std::string title = fmt::format("{}: CRIU {} has no such option", dashed, version_.text());
    std::vector<std::string> names;
    for (const auto& option : table_.options) {
      if (option.criu.contains(version_)) names.push_back(option.name);
      if (option.name != problem.name && !(option.negatable && "no-" + option.name == problem.name)) continue;
      title = fmt::format("{}: unknown to CRIU {}; it exists since CRIU {}", dashed, version_.text(),
                          first_version(option));
      fix = fmt::format("leave it out, or use CRIU {} or newer", first_version(option));
      source = option.source;
    }
    for (const auto& [name, instead] : table_.never)
      if (name == problem.name) {
        title = fmt::format("{}: no version of CRIU has it on its command line", dashed);
        fix = instead;
      }
    if (fix.empty() && problem.name.size() > 1)
      for (const auto& name : nearest(problem.name, names))
        fix += (fix.empty() ? "did you mean --" : ", --") + name;
    if (fix.empty()) fix = "leave it out";
    add("unknown." + problem.name, Verdict::fail, title, problem.word,
        fmt::format("criu: unrecognized option '{}', and it ends with its usage text", dashed), fix, source);
  }

  std::string first_version(const CriuOption& option) const { return first_version(option.criu); }
  static std::string first_version(const VersionRange& range) {
    for (const auto& version : known_criu_versions())
      if (range.contains(version)) return version.text();
    return range.text();
  }

  void judge_action() {
    const auto& action = command_.action;
    if (action.empty())
      return add("action", Verdict::fail, "no action is given", "", "command is required",
                 "say what to do: " + join(table_.actions, ", "), "v4.2:criu/crtools.c:162");
    if (action == "exec" || action == "show")
      return add("action", Verdict::fail, fmt::format("'{}' only says that it is gone", action), action,
                 fmt::format("The \"{}\" action is deprecated", action),
                 action == "show" ? "crit decode -i IMAGE --pretty" : "use compel",
                 "v4.2:criu/crtools.c:353");
    if (std::ranges::find(table_.actions, action) == table_.actions.end())
      return add("action", Verdict::fail, fmt::format("'{}' is no action", action), action,
                 "unknown command: " + action,
                 "say one of " + join(table_.actions, ", ") + did_you_mean(action, table_.actions),
                 "v4.2:criu/crtools.c:124");
    if (action == "cpuinfo") {
      if (command_.rest.empty() || (command_.rest[0] != "dump" && command_.rest[0] != "check"))
        add("action", Verdict::fail, "cpuinfo needs 'dump' or 'check' behind it", join(command_.rest, " "),
            "cpuinfo requires an action: dump or check", "criu cpuinfo dump, criu cpuinfo check",
            "v4.2:criu/crtools.c:110");
      return;
    }
    const bool command_follows = command_.has("exec-cmd") || action == "swrk";
    if (!command_.rest.empty() && !command_follows)
      add("excess", Verdict::fail, fmt::format("'{}' is one word too many", command_.rest[0]),
          join(command_.rest, " "), fmt::format("excessive parameter for command {}", action),
          "leave it out; an option's value that may be left out is written with '=', or without a blank "
          "behind "
          "the letter",
          "v4.2:criu/crtools.c:246");
    if (command_.rest.empty() && command_.has("exec-cmd"))
      add("exec-cmd", Verdict::fail, "--exec-cmd without a command", "", "--exec-cmd requires a command",
          "criu restore --exec-cmd … -- PROGRAM ARGUMENTS", "v4.2:criu/crtools.c:226");
  }

  void judge_option(const GivenOption& given) {
    const CriuOption& option = *table_.find(given.name);
    const bool known_action = std::ranges::find(table_.actions, command_.action) != table_.actions.end();
    if (known_action && command_.action != "swrk" && !option.actions.empty() &&
        std::ranges::find(option.actions, command_.action) == option.actions.end()) {
      const std::string where = join(option.actions, ", ");
      add("misplaced." + option.name, option.elsewhere.empty() ? Verdict::warn : Verdict::fail,
          option.elsewhere.empty()
              ? fmt::format("--{} does nothing at {}; it is read at {}", option.name, command_.action, where)
              : fmt::format("--{} is only valid at {}", option.name, where),
          given.written, option.elsewhere.empty() ? "nothing is said, and nothing is done" : option.elsewhere,
          fmt::format("leave it out here and give it at {}", where), option.source);
      return;
    }
    if (given.value) judge_value(given, option);
  }

  void judge_value(const GivenOption& given, const CriuOption& option) {
    const std::string seen = fmt::format("--{} {}", option.name, *given.value);
    if (const std::string wrong = wrong_form(option.form, *given.value); !wrong.empty())
      return add(
          "value." + option.name, Verdict::fail,
          fmt::format("--{}: '{}' is no good value: {}", option.name, *given.value, wrong), seen,
          option.otherwise.empty() ? "invalid argument, or a number that was not meant" : option.otherwise,
          "correct the value", option.source);
    if (option.values.empty()) return;
    std::vector<std::string> known;
    const OptionValue* later = nullptr;
    for (const auto& value : option.values) {
      const bool match = matches_pattern(*given.value, value.pattern);
      const bool here = value.criu.contains(version_);
      if (match && here) return;
      if (match) later = &value;
      if (here) known.push_back(value.pattern);
    }
    const std::string breaks = fmt::format("{}: {}", option.otherwise, *given.value);
    if (later)
      return add(
          "value." + option.name, Verdict::fail,
          fmt::format("--{}: the value '{}' exists since CRIU {}", option.name, *given.value,
                      first_version(later->criu)),
          seen, breaks,
          fmt::format("take one of {}, or CRIU {} or newer", join(known, ", "), first_version(later->criu)),
          option.source);
    add("value." + option.name, Verdict::fail,
        fmt::format("--{}: CRIU {} knows no value like '{}'{}", option.name, version_.text(), *given.value,
                    did_you_mean(*given.value, known)),
        seen, breaks, "take one of " + join(known, ", "), option.source);
  }

  bool holds(const CombinationRule& rule) const {
    if (!rule.criu.contains(version_)) return false;
    if (!rule.actions.empty() && std::ranges::find(rule.actions, command_.action) == rule.actions.end())
      return false;
    return std::ranges::all_of(rule.when, [&](const OptionCondition& condition) {
      bool there = command_.has(condition.name);
      if (there && condition.pattern)
        there = std::ranges::any_of(command_.options, [&](const GivenOption& given) {
          return given.name == condition.name &&
                 matches_pattern(given.value.value_or(""), *condition.pattern);
        });
      return there != condition.absent;
    });
  }

  const OptionTable& table_;
  const Version& version_;
  const CriuCommand& command_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> judge_criu_command(const OptionTable& table, const Version& version,
                                        const CriuCommand& command) {
  return Judge(table, version, command).judge();
}

}  // namespace cg
