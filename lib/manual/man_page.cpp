// man(7): a line that begins with a dot is a request, a backslash begins an escape. What stands between
// backquotes in a text is set in bold.
#include "manual/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace cg::manual {
namespace {

constexpr std::size_t width = 76;
constexpr std::size_t most_names = 60;  // that are listed in the page

std::string escaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      case '"':
        result += "\\(dq";
        break;
      default:
        result += text[i];
    }
  }
  return result;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}
std::string italic(std::string_view text) {
  return "\\fI" + escaped(text) + "\\fR";
}

// Escaped, and bold where it is quoted with backquotes.
std::string prose(std::string_view text) {
  const auto pieces = split(text, '`');
  if (pieces.size() % 2 == 0) return escaped(text);  // one of them has no partner
  std::string result;
  for (std::size_t i = 0; i < pieces.size(); ++i) result += i % 2 == 0 ? escaped(pieces[i]) : bold(pieces[i]);
  return result;
}

// A paragraph in lines of at most `width`, none of which is taken for a request.
std::string filled(std::string_view text) {
  std::string result;
  std::string line;
  const auto end_line = [&] {
    if (line.empty()) return;
    if (line.front() == '.' || line.front() == '\'') line.insert(0, "\\&");
    result += line + "\n";
    line.clear();
  };
  for (const auto& word : split(text, ' ')) {
    if (word.empty()) continue;
    if (!line.empty() && line.size() + 1 + word.size() > width) end_line();
    line += (line.empty() ? "" : " ") + word;
  }
  end_line();
  return result;
}

std::string paragraphs(std::string_view text) {
  std::string result;
  for (const auto line : split_lines(text)) result += (result.empty() ? "" : ".PP\n") + filled(prose(line));
  return result;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Words in capitals are what the caller replaces.
std::string usage(const std::string& name, const std::string& words) {
  std::string result = bold(name);
  for (const auto& word : split(words.substr(std::min(words.size(), name.size() + 1)), ' ')) {
    if (word.empty()) continue;
    std::string set = " ";
    for (std::size_t i = 0; i < word.size();) {
      std::size_t end = i;
      while (end < word.size() && std::isupper(static_cast<unsigned char>(word[end]))) ++end;
      if (end - i >= 2) {
        set += italic(word.substr(i, end - i));
        i = end;
      } else {
        set += escaped(word.substr(i++, 1));
      }
    }
    result += set;
  }
  return result;
}

std::string tagged(const std::string& tag, const std::string& text) {
  return ".TP\n" + tag + "\n" + (text.empty() ? "\\&\n" : text);
}

std::string names_of(const Word& word) {
  std::vector<std::string> names;
  for (const auto& name : word.names) names.push_back(word.is_positional() ? italic(name) : bold(name));
  std::string result = join(names, ", ");
  if (word.is_positional()) return result + (word.values == "several" ? "..." : "");
  if (!word.takes_value()) return result;
  const std::string value = word.only_known ? prose(word.value) : italic(word.value);
  result += word.values == "at_most_one" ? "[=" + value + "]" : " " + value;
  return result + (word.values == "several" ? "..." : "");
}

std::string said_of(const Word& word) {
  std::string text = prose(word.help);
  if (!text.ends_with('.')) text += '.';
  if (!word.default_text.empty()) text += " Default: " + escaped(word.default_text) + ".";
  if (word.required && !word.is_positional()) text += " Required.";
  if (!word.only_known && !word.known.empty() && word.known.size() <= most_names) {
    std::vector<std::string> names;
    for (const auto& known : word.known) names.push_back(bold(known.name));
    text += " Known: " + join(names, ", ") + ".";
  }
  return filled(text);
}

std::string section(const std::string& title, const std::string& content) {
  return content.empty() ? "" : ".SH " + title + "\n" + content;
}

std::string list(const std::vector<Word>& words) {
  std::string result;
  for (const auto& word : words) result += tagged(names_of(word), said_of(word));
  return result;
}

std::string list(const std::vector<Entry>& entries) {
  std::string result;
  for (const auto& [name, about] : entries) result += tagged(bold(name), filled(prose(about)));
  return result;
}

std::string examples(const std::vector<Entry>& entries) {
  std::string result;
  for (const auto& [words, about] : entries)
    result += about.empty() ? (result.empty() ? "" : ".PP\n") + bold(words) + "\n"
                            : tagged(bold(words), filled(prose(about)));
  return result;
}

// One sentence without its point.
std::string summary(std::string text) {
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('.')) text.pop_back();
  if (const auto sentence = text.find(". "); sentence != text.npos) text.resize(sentence);
  return text;
}

std::string reference(const std::string& page) {
  return ".BR " + escaped(page) + " (1)";
}

std::string see_also(const CommandLine& line, const Part* command) {
  std::vector<std::string> pages;
  if (command) pages.push_back(line.name);
  for (const auto& other : line.commands)
    if (&other != command) pages.push_back(page_name(line, &other));
  std::string result;
  for (std::size_t i = 0; i < pages.size(); ++i)
    result += reference(pages[i]) + (i + 1 < pages.size() ? ",\n" : "\n");
  return result;
}

}  // namespace

std::string page_name(const CommandLine& line, const Part* command) {
  return command ? line.name + "-" + command->name : line.name;
}

std::string man_page(const CommandLine& line, const Part* command, const std::string& date) {
  const Part& of = command ? *command : line;
  const std::string name = page_name(line, command);
  const std::string called = command ? line.name + " " + command->name : line.name;
  std::string text = fmt::format(
      ".\\\" Made by the build from what `{} help --format json` prints.\n.TH {} 1 \"{}\" \"criu\\-guest "
      "{}\" "
      "\"criu\\-guest\"\n",
      line.name, upper(escaped(name)), date, line.version);
  text += section("NAME", fmt::format("{} \\- {}\n", escaped(name), prose(summary(of.help))));
  text += section("SYNOPSIS", filled(usage(called, of.usage)));
  std::string description = paragraphs(of.help);
  if (!of.about_words.empty())
    description += ".PP\n" + paragraphs("Which words are meant: " + of.about_words + ".");
  if (!of.notes.empty()) description += ".PP\n" + paragraphs(of.notes);
  text += section("DESCRIPTION", description);
  if (!command) {
    std::string commands;
    for (const auto& one : line.commands)
      commands += ".TP\n" + reference(page_name(line, &one)) + "\n" + filled(prose(one.help));
    text += section("COMMANDS", commands);
  }
  text += section("WORDS", list(of.words));
  text += section("OPTIONS", list(of.options));
  auto shared = line.shared;
  if (command) shared.insert(shared.begin(), line.options.begin(), line.options.end());
  text += section(line.commands.empty() ? "COMMON OPTIONS" : "OPTIONS OF EVERY COMMAND", list(shared));
  auto shown = of.examples;
  if (!command && shown.empty())  // one of each command, then
    for (const auto& one : line.commands)
      if (!one.examples.empty()) shown.push_back(one.examples.front());
  text += section("EXAMPLES", examples(shown));
  text += section("EXIT STATUS", list(line.exit_statuses));
  auto files = of.files;
  if (command) files.insert(files.end(), line.files.begin(), line.files.end());
  text += section("FILES", list(files));
  text += section("ENVIRONMENT", list(line.variables));
  return text + section("SEE ALSO", see_also(line, command));
}

}  // namespace cg::manual
