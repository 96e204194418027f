// fish: one `complete` line for each word, with the condition under which it may stand.
#include <fmt/format.h>

#include "base/text.h"
#include "manual/completion.h"

namespace cg::manual {
namespace {

// Of fish's quotes: in '…' only \\ and \' are signs.
std::string fish_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "'";
}

std::string names_words(const Word& word) {
  std::string text;
  for (const auto& name : word.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return text;
}

std::string value_words(const Word& word, const NameLists& lists, const std::string& function) {
  if (!word.takes_value()) return " -f";
  const std::string must = word.values == "at_most_one" ? "" : " -r";
  switch (offer_of(word)) {
    case Offer::names:
      return fmt::format("{} -f -a '({}_names_{})'", must, function, lists.number_of(word));
    case Offer::directories:
      return must + " -f -a '(__fish_complete_directories)'";
    case Offer::files:
      return must + " -F";
    case Offer::nothing:
      return must + " -f";
  }
  return must;
}

std::string option_line(const std::string& tool, const std::string& condition, const Word& word,
                        const NameLists& lists, const std::string& function) {
  return fmt::format("complete -c {}{}{}{} -d {}\n", tool, condition, names_words(word),
                     value_words(word, lists, function), fish_quoted(word.help));
}

std::string word_line(const std::string& tool, const std::string& condition, const Word& word,
                      const NameLists& lists, const std::string& function) {
  if (offer_of(word) == Offer::names)
    return fmt::format("complete -c {}{} -f -a '({}_names_{})'\n", tool, condition, function,
                       lists.number_of(word));
  if (offer_of(word) == Offer::directories)
    return fmt::format("complete -c {}{} -f -a '(__fish_complete_directories)'\n", tool, condition);
  return offer_of(word) == Offer::files ? fmt::format("complete -c {}{} -F\n", tool, condition) : "";
}

std::string described(const std::vector<Entry>& entries) {
  std::string text;
  for (const auto& [name, about] : entries)
    text += " \\\n    " + fish_quoted(about.empty() ? name : name + "\t" + about.substr(0, 100));
  return text;
}

}  // namespace

std::string fish_completion(const CommandLine& line) {
  const std::string function = "__" + identifier(line.name);
  const NameLists lists(line);
  std::string text = fmt::format(
      "# fish completion of {0}, made by the build from what `{0} help --format json` prints\n", line.name);
  for (std::size_t i = 0; i < lists.all().size(); ++i)
    text += fmt::format("\nfunction {}_names_{}\n  printf '%s\\n'{}\nend\n", function, i,
                        described(lists.all()[i]));
  std::vector<std::string> commands;
  for (const auto& command : line.commands) commands.push_back(command.name);
  if (!commands.empty()) {
    text += fmt::format(
        "\n# The command that the words before the cursor name.\nfunction {}_command\n"
        "  for word in (commandline -opc)[2..]\n    if contains -- $word {} help\n      echo $word\n      "
        "return 0\n    end\n  end\n  return 1\nend\n\n",
        function, join(commands, " "));
    const std::string first = fmt::format(" -n 'not {}_command > /dev/null'", function);
    text += fmt::format("complete -c {} -f\n", line.name);
    for (const auto& command : line.commands)
      text += fmt::format("complete -c {}{} -a {} -d {}\n", line.name, first, command.name,
                          fish_quoted(command.help));
    text += fmt::format("complete -c {}{} -a help -d 'Print the help of a command'\n", line.name, first);
    text += fmt::format("complete -c {} -n 'contains -- help ({}_command)' -a '{}'\n", line.name, function,
                        join(commands, " "));
  }
  text += "\n";
  for (const auto& option : line.options_with_shared(nullptr))
    text += option_line(line.name, "", option, lists, function);
  for (const auto& word : line.words) text += word_line(line.name, "", word, lists, function);
  for (const auto& command : line.commands) {
    const std::string condition = fmt::format(" -n 'contains -- {} ({}_command)'", command.name, function);
    text += "\n";
    for (const auto& option : command.options)
      text += option_line(line.name, condition, option, lists, function);
    for (const auto& word : command.words) text += word_line(line.name, condition, word, lists, function);
  }
  return text;
}

}  // namespace cg::manual
