#include "criu/command.h"

#include <algorithm>
#include <span>

namespace cg {
namespace {

// One long name that getopt_long knows: "daemon" or "no-daemon".
struct LongName {
  std::string text;
  const CriuOption* option;
  bool negated;
};

std::vector<LongName> long_names(const OptionTable& table, const Version& version) {
  std::vector<LongName> names;
  for (const auto& option : table.options) {
    if (!option.criu.contains(version)) continue;
    names.push_back({option.name, &option, false});
    if (option.negatable) names.push_back({"no-" + option.name, &option, true});
  }
  return names;
}

class Parser {
 public:
  Parser(const OptionTable& table, const Version& version) : names_(long_names(table, version)) {
    actions_ = &table.actions;
  }

  CriuCommand parse(std::span<const std::string> words) {
    words = behind_wrappers(words);
    if (!words.empty() && !words[0].starts_with('-') && !is_action(words[0])) {
      command_.program = words[0];
      words = words.subspan(1);
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == "--") {
        for (const auto& other : words.subspan(i + 1)) take_plain(other);
        break;
      }
      const std::string* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
      if (word.starts_with("--"))
        i += take_long(word, next);
      else if (is_long_with_one_dash(word)) {
        problem(CommandProblem::Kind::one_dash, word, word.substr(1, word.find('=') - 1));
        i += take_long("-" + word, next);
      } else if (word.starts_with('-') && word.size() > 1)
        i += take_letters(word, next);
      else
        take_plain(word);
    }
    return std::move(command_);
  }

 private:
  static bool is_criu(std::string_view word) {
    return word.substr(word.rfind('/') + 1).starts_with("criu") && !word.starts_with('-');
  }

  // `sudo criu dump …`, `nsenter -t 1 -m -- criu …`: what starts criu has options of its own. A word behind
  // criu's action that looks like one is a value of criu's.
  std::span<const std::string> behind_wrappers(std::span<const std::string> words) const {
    for (std::size_t i = 0; i + 1 < words.size() && !is_action(words[i]); ++i)
      if (is_criu(words[i]) &&
          std::ranges::any_of(words.subspan(i + 1), [&](const auto& word) { return is_action(word); }))
        return words.subspan(i);
    return words;
  }

  bool is_action(const std::string& word) const {
    return std::ranges::find(*actions_, word) != actions_->end();
  }

  // "-shell-job": getopt_long reads letters, and they are no more than an accident.
  bool is_long_with_one_dash(std::string_view word) const {
    if (!word.starts_with('-') || word.size() < 4) return false;
    const std::string_view name = word.substr(1, word.find('=') - 1);
    return std::ranges::any_of(names_, [&](const LongName& known) { return known.text == name; });
  }

  void take_plain(const std::string& word) {
    if (command_.action.empty())
      command_.action = word;
    else
      command_.rest.push_back(word);
  }

  void problem(CommandProblem::Kind kind, const std::string& word, std::string_view name) {
    command_.problems.push_back({kind, word, std::string(name)});
  }

  // The exact name, or the only one that begins like this.
  const LongName* look_up(std::string_view name, const std::string& word) {
    const LongName* found = nullptr;
    bool ambiguous = false;
    for (const auto& candidate : names_) {
      if (candidate.text == name) return &candidate;
      if (!candidate.text.starts_with(name)) continue;
      ambiguous = ambiguous || found != nullptr;
      found = &candidate;
    }
    if (ambiguous || !found) {
      problem(ambiguous ? CommandProblem::Kind::ambiguous_option : CommandProblem::Kind::unknown_option, word,
              name);
      return nullptr;
    }
    return found;
  }

  // Both return how many further words were taken.
  std::size_t take_long(const std::string& word, const std::string* next) {
    const auto equals = word.find('=');
    const std::string_view name =
        std::string_view(word).substr(2, equals == word.npos ? word.npos : equals - 2);
    const LongName* found = look_up(name, word);
    if (!found) return 0;
    GivenOption given{word, found->option->name, {}, found->negated};
    std::size_t taken = 0;
    if (equals != word.npos) {
      if (found->option->argument == ArgumentKind::none) {
        problem(CommandProblem::Kind::value_unexpected, word, name);
        return 0;
      }
      given.value = word.substr(equals + 1);
    } else if (found->option->argument == ArgumentKind::required) {
      if (!next) {
        problem(CommandProblem::Kind::value_missing, word, name);
        return 0;
      }
      given.value = *next;
      taken = 1;
    }
    command_.options.push_back(std::move(given));
    return taken;
  }

  std::size_t take_letters(const std::string& word, const std::string* next) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const auto found = std::ranges::find_if(names_, [&](const LongName& name) {
        return !name.negated && name.option->letter != 0 && name.option->letter == word[i];
      });
      if (found == names_.end()) {
        problem(CommandProblem::Kind::unknown_option, word, std::string(1, word[i]));
        continue;
      }
      GivenOption given{std::string("-") + word[i], found->option->name, {}, false};
      const auto kind = found->option->argument;
      if (kind == ArgumentKind::none) {
        command_.options.push_back(std::move(given));
        continue;
      }
      std::size_t taken = 0;
      if (i + 1 < word.size()) {
        given.value = word.substr(i + 1);
      } else if (kind == ArgumentKind::required) {
        if (!next) {
          problem(CommandProblem::Kind::value_missing, word, std::string(1, word[i]));
          return 0;
        }
        given.value = *next;
        taken = 1;
      }
      command_.options.push_back(std::move(given));
      return taken;
    }
    return 0;
  }

  std::vector<LongName> names_;
  const std::vector<std::string>* actions_;
  CriuCommand command_;
};

}  // namespace

bool CriuCommand::has(std::string_view name) const {
  bool on = false;
  for (const auto& option : options)
    if (option.name == name) on = !option.negated;
  return on;
}

std::optional<std::string> CriuCommand::value(std::string_view name) const {
  std::optional<std::string> last;
  for (const auto& option : options)
    if (option.name == name) last = option.value;
  return last;
}

std::vector<std::string> CriuCommand::values(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& option : options)
    if (option.name == name && option.value) all.push_back(*option.value);
  return all;
}

CriuCommand parse_criu_command(const OptionTable& table, const Version& version,
                               const std::vector<std::string>& words) {
  return Parser(table, version).parse(words);
}

}  // namespace cg
