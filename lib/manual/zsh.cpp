// zsh: the specifications that _arguments takes, of the tool and of each of its commands.
#include <fmt/format.h>

#include "base/text.h"
#include "manual/completion.h"

namespace cg::manual {
namespace {

// In a specification '[', ']' and ':' are signs.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string action_of(const Word& word, const NameLists& lists, const std::string& function) {
  switch (offer_of(word)) {
    case Offer::names:
      return fmt::format("{}_names_{}", function, lists.number_of(word));
    case Offer::directories:
      return "_files -/";
    case Offer::files:
      return "_files";
    case Offer::nothing:
      return " ";
  }
  return " ";
}

std::string message_of(const Word& word) {
  return plain(word.value.contains('|') ? "value" : word.value);
}

std::string option_spec(const Word& word, const NameLists& lists, const std::string& function) {
  std::vector<std::string> names = word.names;
  std::string value;
  if (word.takes_value()) {
    for (auto& name : names)
      name += name.starts_with("--") ? (word.values == "at_most_one" ? "=-" : "=") : "+";
    value = fmt::format("{}{}:{}", word.values == "at_most_one" ? "::" : ":", message_of(word),
                        action_of(word, lists, function));
  }
  const std::string rest = fmt::format("[{}]{}", plain(word.help), value);
  std::string text;
  for (const auto& name : names) {
    std::string spec = name + rest;
    if (word.repeated)
      spec.insert(0, "*");
    else if (names.size() > 1)
      spec.insert(0, "(" + join(word.names, " ") + ")");
    text += " \\\n      " + shell_quoted(spec);
  }
  return text;
}

std::string options_spec(const std::vector<Word>& options, const NameLists& lists,
                         const std::string& function) {
  std::string text;
  for (const auto& option : options) text += option_spec(option, lists, function);
  return text;
}

std::string words_spec(const Part& part, const NameLists& lists, const std::string& function) {
  std::string text;
  for (const auto& word : part.words)
    text += " \\\n      " + shell_quoted(fmt::format("{}:{}:{}",
                                                     word.values == "several" ? "*"
                                                     : word.required          ? ""
                                                                              : ":",
                                                     message_of(word), action_of(word, lists, function)));
  return text;
}

std::string described(const std::vector<Entry>& entries) {
  std::string text;
  for (const auto& [name, about] : entries)
    text += "\n    " +
            shell_quoted(about.empty() ? plain(name) : plain(name) + ":" + plain(about).substr(0, 100));
  return text;
}

}  // namespace

std::string zsh_completion(const CommandLine& line) {
  const std::string function = "_" + identifier(line.name);
  const NameLists lists(line);
  std::string text = fmt::format(
      "#compdef {0}\n# Made by the build from what `{0} help --format json` prints.\n", line.name);
  for (std::size_t i = 0; i < lists.all().size(); ++i)
    text +=
        fmt::format("\n{}_names_{}() {{\n  local -a names=({}\n  )\n  _describe -t names name names\n}}\n",
                    function, i, described(lists.all()[i]));
  if (line.commands.empty())
    return text +
           fmt::format(
               "\n{0}() {{\n  _arguments -s -S{1}{2} \\\n      '*::command:_normal'\n}}\n\n{0} \"$@\"\n",
               function, options_spec(line.options_with_shared(nullptr), lists, function),
               words_spec(line, lists, function));

  std::vector<Entry> commands;
  for (const auto& command : line.commands) commands.push_back({command.name, command.help});
  commands.push_back({"help", "Print the help of a command"});
  text += fmt::format(
      "\n{}_commands() {{\n  local -a names=({}\n  )\n  _describe -t commands command names\n}}\n", function,
      described(commands));
  text += fmt::format(
      "\n{0}() {{\n  local curcontext=\"$curcontext\" state line\n  typeset -A opt_args\n  _arguments -C "
      "-s{1} \\\n"
      "      '1: :{0}_commands' \\\n      '*:: :->command'\n  [[ $state == command ]] || return 0\n"
      "  case $words[1] in\n    help) _arguments '1: :{0}_commands' ;;\n",
      function, options_spec(line.options_with_shared(nullptr), lists, function));
  for (const auto& command : line.commands)
    text += fmt::format("    {})\n      _arguments -s{}{}\n      ;;\n", command.name,
                        options_spec(line.options_with_shared(&command), lists, function),
                        words_spec(command, lists, function));
  return text + fmt::format("  esac\n}}\n\n{} \"$@\"\n", function);
}

}  // namespace cg::manual
