// What is wrong with a criu command line for a version of CRIU.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "base/text.h"
#include "criu/command.h"
#include "criu/coverage.h"
#include "criu/versions.h"

namespace cg {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The number that these digits are; one that does not fit is larger than any bound.
unsigned long number_of(std::string_view digits) {
  unsigned long number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() ? number : std::numeric_limits<unsigned long>::max();
}

// "1..65537": CRIU looks at such a number, and refuses others.
std::string wrong_number(std::string_view bounds, std::string_view value) {
  const std::size_t dots = bounds.find("..");
  const auto least = bounds.substr(0, dots), most = bounds.substr(dots + 2);
  if (all_digits(value) && number_of(value) >= number_of(least) && number_of(value) <= number_of(most))
    return "";
  return fmt::format("a number from {} to {} is meant", least, most);
}

// "4194304": bytes, in whole pages, and no more than these.
std::string wrong_pages(std::string_view most, std::string_view value) {
  constexpr unsigned long page = 4096;
  const unsigned long bytes = all_digits(value) ? number_of(value) : 0;
  if (bytes != 0 && bytes % page == 0 && bytes <= number_of(most)) return "";
  return fmt::format("bytes are meant, a multiple of {} up to {}", page, most);
}

// CRIU reads numbers with atoi(3) and sizes with atol(3): what is no number silently becomes 0, a suffix that
// it does not know is dropped.
std::string wrong_form(std::string_view form, std::string_view value) {
  if (form == "pid" || form == "port") {
    if (!all_digits(value) || value.find_first_not_of('0') == value.npos) return "a number above 0 is meant";
  } else if (form == "fd" || form == "number") {
    if (!all_digits(value)) return "a number is meant; CRIU reads anything else as 0";
  } else if (form.starts_with("number:")) {
    return wrong_number(form.substr(form.find(':') + 1), value);
  } else if (form.starts_with("pages:")) {
    return wrong_pages(form.substr(form.find(':') + 1), value);
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
      if (holds(rule))
        add({.id = rule.id,
             .title = rule.title,
             .verdict = rule.verdict,
             .breaks = rule.breaks,
             .fix = rule.fix,
             .source = rule.source});
    respect_coverage(findings_, version_, Matter::words);
    return std::move(findings_);
  }

 private:
  void add(Finding finding) {
    finding.id = "flags." + finding.id;
    finding.required = true;
    finding.severity = command_.action.empty() ? "command" : command_.action;
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
          for (const std::string& name : {option.name, option.negatable ? "no-" + option.name : ""})
            if (name.starts_with(problem.name) && option.criu.contains(version_))
              names.push_back("--" + name);
        return add({.id = "ambiguous." + problem.name,
                    .title = fmt::format("{} may be any of {}", dashed, join(names, ", ")),
                    .verdict = Verdict::fail,
                    .seen = problem.word,
                    .breaks = fmt::format("criu: option '{}' is ambiguous", problem.word),
                    .fix = "write the whole name",
                    .source = "getopt_long(3)"});
      }
      case CommandProblem::Kind::value_missing:
        return add({.id = "value." + problem.name,
                    .title = dashed + " has no value",
                    .verdict = Verdict::fail,
                    .seen = problem.word,
                    .breaks = fmt::format("criu: option '{}' requires an argument", problem.word),
                    .fix = "give its value",
                    .source = "getopt_long(3)"});
      case CommandProblem::Kind::one_dash:
        return add({.id = "one-dash." + problem.name,
                    .title = fmt::format("{}: a dash is missing; CRIU reads the letters {}", problem.word,
                                         join(letters_of(problem.name), ", ")),
                    .verdict = Verdict::fail,
                    .seen = problem.word,
                    .breaks = "another option than is meant, its help text or \"invalid option\"",
                    .fix = "write -" + problem.word,
                    .source = "getopt_long(3)"});
      case CommandProblem::Kind::value_unexpected:
        return add({.id = "value." + problem.name,
                    .title = dashed + " takes no value",
                    .verdict = Verdict::fail,
                    .seen = problem.word,
                    .breaks = fmt::format("criu: option '{}' doesn't allow an argument", dashed),
                    .fix = "write " + dashed,
                    .source = "getopt_long(3)"});
    }
  }

  void judge_unknown(const CommandProblem& problem, const std::string& dashed) {
    std::string fix, source = "getopt_long(3)";
    const bool covered = criu_versions().cover(version_, Matter::words);
    std::string title = covered
                            ? fmt::format("{}: CRIU {} has no such option", dashed, version_.text())
                            : fmt::format("{}: whether CRIU {} has it is not known", dashed, version_.text());
    std::vector<std::string> names;
    for (const auto& option : table_.options) {
      if (option.criu.contains(version_)) names.push_back(option.name);
      if (option.name != problem.name && !(option.negatable && "no-" + option.name == problem.name)) continue;
      if (covered)
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
    add({.id = "unknown." + problem.name,
         .title = title,
         .verdict = Verdict::fail,
         .seen = problem.word,
         .breaks = fmt::format("criu: unrecognized option '{}', and it ends with its usage text", dashed),
         .fix = fix,
         .source = source});
  }

  std::string first_version(const CriuOption& option) const { return first_version(option.criu); }
  static std::string first_version(const VersionRange& range) {
    for (const auto& release : criu_versions().releases)
      if (range.contains(release.version)) return release.version.text();
    return range.text();
  }

  void judge_action() {
    const auto& action = command_.action;
    if (action.empty())
      return add({.id = "action",
                  .title = "no action is given",
                  .verdict = Verdict::fail,
                  .breaks = "command is required",
                  .fix = "say what to do: " + join(table_.actions, ", "),
                  .source = "v4.2:criu/crtools.c:162"});
    if (action == "exec" || action == "show")
      return add({.id = "action",
                  .title = fmt::format("'{}' only says that it is gone", action),
                  .verdict = Verdict::fail,
                  .seen = action,
                  .breaks = fmt::format("The \"{}\" action is deprecated", action),
                  .fix = action == "show" ? "crit decode -i IMAGE --pretty" : "use compel",
                  .source = "v4.2:criu/crtools.c:353"});
    if (std::ranges::find(table_.actions, action) == table_.actions.end())
      return add({.id = "action",
                  .title = fmt::format("'{}' is no action", action),
                  .verdict = Verdict::fail,
                  .seen = action,
                  .breaks = "unknown command: " + action,
                  .fix = "say one of " + join(table_.actions, ", ") + did_you_mean(action, table_.actions),
                  .source = "v4.2:criu/crtools.c:124"});
    if (action == "cpuinfo") {
      if (command_.rest.empty() || (command_.rest[0] != "dump" && command_.rest[0] != "check"))
        add({.id = "action",
             .title = "cpuinfo needs 'dump' or 'check' behind it",
             .verdict = Verdict::fail,
             .seen = join(command_.rest, " "),
             .breaks = "cpuinfo requires an action: dump or check",
             .fix = "criu cpuinfo dump, criu cpuinfo check",
             .source = "v4.2:criu/crtools.c:110"});
      return;
    }
    const bool command_follows = command_.has("exec-cmd") || action == "swrk";
    if (!command_.rest.empty() && !command_follows)
      add({.id = "excess",
           .title = fmt::format("'{}' is one word too many", command_.rest[0]),
           .verdict = Verdict::fail,
           .seen = join(command_.rest, " "),
           .breaks = fmt::format("excessive parameter for command {}", action),
           .fix =
               "leave it out; an option's value that may be left out is written with '=', or without a blank "
               "behind "
               "the letter",
           .source = "v4.2:criu/crtools.c:246"});
    if (command_.rest.empty() && command_.has("exec-cmd"))
      add({.id = "exec-cmd",
           .title = "--exec-cmd without a command",
           .verdict = Verdict::fail,
           .breaks = "--exec-cmd requires a command",
           .fix = "criu restore --exec-cmd … -- PROGRAM ARGUMENTS",
           .source = "v4.2:criu/crtools.c:226"});
  }

  void judge_option(const GivenOption& given) {
    const CriuOption& option = *table_.find(given.name);
    const bool known_action = std::ranges::find(table_.actions, command_.action) != table_.actions.end();
    if (known_action && command_.action != "swrk" && !option.actions.empty() &&
        std::ranges::find(option.actions, command_.action) == option.actions.end()) {
      const std::string where = join(option.actions, ", ");
      add({.id = "misplaced." + option.name,
           .title = option.if_unread.empty() ? fmt::format("--{} does nothing at {}; it is read at {}",
                                                           option.name, command_.action, where)
                                             : fmt::format("--{} is only valid at {}", option.name, where),
           .verdict = option.if_unread.empty() ? Verdict::warn : Verdict::fail,
           .seen = given.written,
           .breaks = option.if_unread.empty() ? "nothing is said, and nothing is done" : option.if_unread,
           .fix = fmt::format("leave it out here and give it at {}", where),
           .source = option.source});
      // A value of which CRIU knows the form is refused wherever it stands.
      if (given.value && !option.values.empty()) judge_value(given, option);
      return;
    }
    if (given.value) judge_value(given, option);
  }

  void judge_value(const GivenOption& given, const CriuOption& option) {
    const std::string seen = fmt::format("--{} {}", option.name, *given.value);
    if (const std::string wrong = wrong_form(option.form, *given.value); !wrong.empty())
      return add({.id = "value." + option.name,
                  .title = fmt::format("--{}: '{}' is no good value: {}", option.name, *given.value, wrong),
                  .verdict = Verdict::fail,
                  .seen = seen,
                  .breaks = option.if_invalid.empty() ? "invalid argument, or a number that was not meant"
                                                      : option.if_invalid,
                  .fix = "correct the value",
                  .source = option.source});
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
    const std::string breaks = fmt::format("{}: {}", option.if_invalid, *given.value);
    if (later)
      return add({.id = "value." + option.name,
                  .title = fmt::format("--{}: the value '{}' exists since CRIU {}", option.name, *given.value,
                                       first_version(later->criu)),
                  .verdict = Verdict::fail,
                  .seen = seen,
                  .breaks = breaks,
                  .fix = fmt::format("take one of {}, or CRIU {} or newer", join(known, ", "),
                                     first_version(later->criu)),
                  .source = option.source});
    add({.id = "value." + option.name,
         .title = fmt::format("--{}: CRIU {} knows no value like '{}'{}", option.name, version_.text(),
                              *given.value, did_you_mean(*given.value, known)),
         .verdict = Verdict::fail,
         .seen = seen,
         .breaks = breaks,
         .fix = "take one of " + join(known, ", "),
         .source = option.source});
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
