#include "base/cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cg {
namespace {

constexpr std::size_t width = 100;
constexpr std::size_t indent = 26;  // of what is said of an option

// `words` from `column` on, with every further line indented to `margin`; ends with a newline.
std::string wrapped(std::string_view words, std::size_t column, std::size_t margin) {
  std::string text;
  for (const auto& line : split_lines(words)) {
    if (!text.empty()) text += std::string(column = margin, ' ');
    for (bool first = true; const auto& word : split(line, ' ')) {
      if (!first && column + 1 + word.size() > width) {
        text += "\n" + std::string(margin, ' ');
        column = margin;
      } else if (!first) {
        text += ' ';
        ++column;
      }
      text += word;
      column += word.size();
      first = false;
    }
    text += '\n';
  }
  return text;
}

std::string entry(const std::string& left, const std::string& right) {
  std::string text = "  " + left;
  if (text.size() + 2 > indent)
    text += "\n" + std::string(indent, ' ');
  else
    text.resize(indent, ' ');
  return text + wrapped(right, indent, indent);
}

std::string entry(const Option& option) {
  const auto words = words_of(option);
  std::string left = join(words.names, ", ");
  if (!words.is_positional && words.values != Values::none)
    left += words.values == Values::at_most_one ? "[=" + words.value + "]" : " " + words.value;
  if (words.values == Values::several) left += "...";
  std::string right = option.help;
  if (const auto value = default_of(option); !value.empty()) right += fmt::format(" [{}]", value);
  if (option.traits.required && !words.is_positional) right += " (required)";
  return entry(left, right);
}

enum class Part { words, options };

std::string entries(std::string_view title, const std::vector<Option>& options, Part part) {
  std::string text;
  for (const auto& option : options)
    if (words_of(option).is_positional == (part == Part::words)) text += entry(option);
  return text.empty() ? "" : fmt::format("\n{}:\n{}", title, text);
}

}  // namespace

std::string default_of(const Option& option) {
  if (!option.traits.default_text.empty()) return option.traits.default_text;
  const auto text = [](const auto* value) -> std::string {
    using Value = std::remove_cvref_t<decltype(*value)>;
    if constexpr (std::is_same_v<Value, std::string>)
      return *value;
    else if constexpr (std::is_same_v<Value, std::filesystem::path>)
      return value->string();
    else if constexpr (std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool>)
      return *value == Value{} ? "" : fmt::format("{}", *value);
    else
      return "";  // a flag, a list, what need not be there
  };
  return std::visit(text, option.to);
}

std::string usage_words(const Tool& tool, const Command* command) {
  const Command& of = command ? *command : tool;
  std::string words = tool.name + (command ? " " + command->name : "") + " [OPTION...]";
  if (!command && !tool.commands.empty()) words += tool.run ? " [COMMAND]" : " COMMAND";
  for (const auto& option : of.options) {
    const auto taken = words_of(option);
    if (!taken.is_positional) continue;
    const std::string name = taken.names.front() + (taken.values == Values::several ? "..." : "");
    words += option.traits.required ? " " + name : fmt::format(" [{}]", name);
  }
  if (of.passthrough) words += command ? " [-- COMMAND...]" : " -- COMMAND...";
  return words;
}

OptionWords words_of(const Option& option) {
  const bool is_list = std::holds_alternative<std::vector<std::string>*>(option.to);
  OptionWords words;
  words.is_positional = !option.words.starts_with('-');
  if (words.is_positional) {
    words.names = {option.words};
    words.values = is_list ? Values::several : Values::one;
    return words;
  }
  const auto end = option.words.find_first_of(" [");
  words.names = split(option.words.substr(0, end), ',');
  if (std::holds_alternative<bool*>(option.to) || option.traits.counted) return words;
  words.values = Values::one;
  if (end != std::string::npos && option.words[end] == '[') {
    words.values = Values::at_most_one;
    words.value = option.words.substr(end + 2, option.words.size() - end - 3);
  } else if (end != std::string::npos) {
    words.value = option.words.substr(end + 1);
    if (words.value.ends_with("...")) {
      words.values = Values::several;
      words.value.resize(words.value.size() - 3);
    }
  }
  if (!option.traits.choices.empty()) words.value = join(option.traits.choices, "|");
  if (words.value.empty()) {
    const bool is_text = is_list || std::holds_alternative<std::string*>(option.to);
    words.value = is_text ? "TEXT" : std::holds_alternative<std::filesystem::path*>(option.to) ? "FILE" : "N";
  }
  return words;
}

std::vector<Option> common_options(const Tool& tool) {
  if (!tool.common) return {};
  CommonOptions& common = *tool.common;
  return {
      {"--format", &common.format, "How results are written", {.choices = tool.formats}},
      {"--color", &common.color, "NO_COLOR is honoured", {.choices = {"auto", "always", "never"}}},
      {"--cache DIR", &common.cache, "Downloads and reusable builds (default: XDG_CACHE_HOME/criu-guest)"},
      {"-q,--quiet", &common.quiet, "Only results and errors"},
      {"-v,--verbose", &common.verbose, "Say more", {.counted = true}}};
}

std::string help_text(const Tool& tool, const Command* command) {
  const Command& of = command ? *command : tool;
  std::string text = "Usage: " + usage_words(tool, command) + "\n\n" + wrapped(of.help, 0, 0);
  if (!command && !tool.commands.empty()) {
    text += "\nCommands:\n";
    for (const auto& one : tool.commands) text += entry(one.name, one.help);
  }
  text += entries("Words", of.options, Part::words);
  text += entries("Options", of.options, Part::options);
  auto shared = common_options(tool);
  if (command) shared.insert(shared.begin(), tool.options.begin(), tool.options.end());
  text += entries(command || !tool.commands.empty() ? "Options of every command" : "Common options", shared,
                  Part::options);
  text += entry("-h, --help",
                command ? "Print this help" : "Print this help; help NAME and NAME help print a command's");
  text += entry("-V, --version", "Print the version");
  if (!of.examples.empty()) {
    text += "\nExamples:\n";
    for (const auto& example : of.examples) {
      text += "  " + example.words + "\n";
      if (!example.about.empty()) text += "      " + wrapped(example.about, 6, 6);
    }
  }
  text += "\nExit status:\n";
  for (const auto& [status, meaning] : tool.exit_statuses) text += entry(status, meaning);
  if (!of.notes.empty()) text += "\n" + wrapped(of.notes, 0, 0);
  return text;
}

}  // namespace cg
