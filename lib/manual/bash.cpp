// bash: a function that goes through the words before the one that is completed, as the tool itself would
// read them, and so knows what may stand there. What the tool has is in three functions of cases.
#include <fmt/format.h>

#include "base/text.h"
#include "manual/completion.h"

namespace cg::manual {
namespace {

// FUNC is the beginning of the functions' names.
constexpr std::string_view reader = R"bash(
FUNC() {
  local cur=${COMP_WORDS[COMP_CWORD]} command='' taker='' takes='' equals='' values='' word i place=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word != -- ]] || return 0  # another program's words
    if [[ $word == '=' && -n $taker ]]; then
      equals=1
      continue
    fi
    if [[ -n $taker ]]; then
      if [[ -n $equals || $takes == one ]]; then
        taker='' equals=''
        continue
      fi
      if [[ $word != -* ]] && { [[ $takes == several || -n $command ]] || ! FUNC_is_command "$word"; }; then
        [[ $takes == several ]] || taker=''
        continue
      fi
      taker=''
    fi
    case $word in
      --*=*) ;;
      -*)
        takes=$(FUNC_takes "$command" "$word")
        [[ -z $takes ]] || taker=$word
        ;;
      *)
        if [[ -z $command ]] && FUNC_is_command "$word"; then
          command=$word
        else
          ((++place))
        fi
        ;;
    esac
  done
  if [[ $cur == '=' && -n $taker ]]; then
    cur='' equals=1
  elif [[ $cur == --*=* ]]; then
    taker=${cur%%=*} cur=${cur#*=} equals=1
  fi
  if [[ -n $taker ]]; then
    values=$(FUNC_values "$command" "$taker")
    if [[ -n $equals || $takes == one ]]; then
      FUNC_offer "$values"
      return 0
    fi
  fi
  if [[ $cur == -* ]]; then
    FUNC_offer "$values $(FUNC_options "$command")"
    return 0
  fi
  if [[ -z $command && $place == 0 ]]; then values+=" $FUNC_commands"; fi
  if [[ $command == help ]]; then
    [[ $place != 0 ]] || values=${FUNC_commands% help}
  elif [[ $takes != several || -z $taker ]]; then
    values+=" $(FUNC_values "$command" "#$((place + 1))")"
  fi
  FUNC_offer "$values"
}

# Files are what the shell offers by itself where nothing else fits.
FUNC_offer() {
  case $1 in
    *@directories*)
      compopt -o filenames 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
    *@files*) mapfile -t COMPREPLY < <(compgen -W "${1/@files/}" -- "$cur") ;;
    *)
      compopt +o default +o bashdefault 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
      ;;
  esac
}

FUNC_is_command() {
  [[ " $FUNC_commands " == *" $1 "* ]]
}
)bash";

std::string values_of(const Word& word, const NameLists& lists, const std::string& function) {
  switch (offer_of(word)) {
    case Offer::names:
      return fmt::format("echo \"${}_names_{}\"", function, lists.number_of(word));
    case Offer::directories:
      return "echo @directories";
    case Offer::files:
      return "echo @files";
    case Offer::nothing:
      return ":";
  }
  return ":";
}

// "tree,-o | tree,--output" of a command's option; "*,…" of what each command takes.
std::string pattern(const std::string& command, const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (const auto& name : names) parts.push_back(command + "," + name);
  return join(parts, " | ");
}

// The tool's own words stand where no command is given; `of` is '' then.
std::string value_cases(const std::string& of, const std::vector<Word>& words,
                        const std::vector<Word>& options, const NameLists& lists,
                        const std::string& function) {
  std::string text;
  for (const auto& option : options)
    if (option.takes_value())
      text += fmt::format("    {}) {} ;;\n", pattern(of, option.names), values_of(option, lists, function));
  for (std::size_t i = 0; i < words.size(); ++i)
    text +=
        fmt::format("    {},'#'{}) {} ;;\n", of, words[i].values == "several" ? "*" : std::to_string(i + 1),
                    values_of(words[i], lists, function));
  return text;
}

std::string takes_cases(const std::string& of, const std::vector<Word>& options) {
  std::string text;
  for (const auto& option : options)
    if (option.takes_value())
      text += fmt::format("    {}) echo {} ;;\n", pattern(of, option.names), option.values);
  return text;
}

std::string names_of(const std::vector<Word>& options) {
  std::vector<std::string> names;
  for (const auto& option : options) names.insert(names.end(), option.names.begin(), option.names.end());
  return join(names, " ");
}

std::string function_of(const std::string& name, const std::string& what, const std::string& cases) {
  return fmt::format("\n# {}\n{}() {{\n  case $1,$2 in\n{}  esac\n}}\n", what, name, cases);
}

}  // namespace

std::string bash_completion(const CommandLine& line) {
  const std::string function = "_" + identifier(line.name);
  const NameLists lists(line);
  std::vector<std::string> commands;
  for (const auto& command : line.commands) commands.push_back(command.name);
  if (!commands.empty()) commands.emplace_back("help");

  std::string text = fmt::format(
      "# bash completion of {0}, made by the build from what `{0} help --format json` prints\n\n"
      "{1}_commands='{2}'\n",
      line.name, function, join(commands, " "));
  for (std::size_t i = 0; i < lists.all().size(); ++i) {
    std::vector<std::string> names;
    for (const auto& entry : lists.all()[i]) names.push_back(entry.name);
    text += fmt::format("{}_names_{}='{}'\n", function, i, join(names, " "));
  }

  std::string values, takes, options;
  for (const auto& command : line.commands) {
    values += value_cases(command.name, command.words, command.options, lists, function);
    takes += takes_cases(command.name, command.options);
    options +=
        fmt::format("    {}) echo '{}' ;;\n", command.name, names_of(line.options_with_shared(&command)));
  }
  values += value_cases("", line.words, {}, lists, function);
  for (const auto* of_all : {&line.options, &line.shared}) {
    values += value_cases("*", {}, *of_all, lists, function);
    takes += takes_cases("*", *of_all);
  }
  options += fmt::format("    *) echo '{}' ;;\n", names_of(line.options_with_shared(nullptr)));
  text += function_of(function + "_values",
                      "What may stand behind the option $2, or at the place #N, of the command $1.", values);
  text += function_of(function + "_takes", "How many values the option $2 of the command $1 takes.", takes);
  text += fmt::format("\n# The options of the command $1.\n{}_options() {{\n  case $1 in\n{}  esac\n}}\n",
                      function, options);
  std::string read(reader);
  for (std::size_t at = 0; (at = read.find("FUNC", at)) != read.npos; at += function.size())
    read.replace(at, 4, function);
  return text + read + fmt::format("\ncomplete -o bashdefault -o default -F {} {}\n", function, line.name);
}

}  // namespace cg::manual
