// A tool's description becomes a CLI::App, which reads the words; what it says of wrong ones is said here in
// our words. CLI11 is known to this file alone: it costs each file that sees it a quarter of a minute.
#include "base/cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/cli/describe.h"
#include "base/cli/help.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/shown.h"
#include "base/text.h"

namespace cg {
namespace {

// "", or what is wrong with a value.
std::string fault_of(const Option& option, const std::string& text) {
  if (option.traits.is_no_stream && text == "-")
    return "'-': a directory is wanted, and standard output is none (./- is one of that name)";
  if (!option.traits.choices.empty())
    return std::ranges::find(option.traits.choices, text) != option.traits.choices.end()
               ? ""
               : fmt::format("'{}' is not one of {}{}", brief(text), join(option.traits.choices, ", "),
                             did_you_mean(text, option.traits.choices));
  const auto number = [&](auto value) -> std::string {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::invalid_argument || end != text.data() + text.size())
      return fmt::format("'{}' is not a {}number", brief(text),
                         std::is_floating_point_v<decltype(value)> ? "" : "whole ");
    const auto least = option.traits.range
                           ? option.traits.range->least
                           : static_cast<double>(std::numeric_limits<decltype(value)>::lowest());
    const auto most = option.traits.range ? option.traits.range->most
                                          : static_cast<double>(std::numeric_limits<decltype(value)>::max());
    const auto as_double = static_cast<double>(value);
    return error == std::errc() && as_double >= least && as_double <= most
               ? ""
               : fmt::format("'{}' is not from {} to {}", brief(text), least, most);
  };
  if (std::holds_alternative<int*>(option.to)) return number(0);
  if (std::holds_alternative<unsigned*>(option.to) ||
      std::holds_alternative<std::optional<unsigned>*>(option.to))
    return number(0U);
  if (std::holds_alternative<std::size_t*>(option.to)) return number(std::size_t{0});
  if (std::holds_alternative<double*>(option.to) || std::holds_alternative<std::optional<double>*>(option.to))
    return number(0.0);
  return "";
}

struct Added {
  const Option* option;
  CLI::Option* cli;
};

Added add(CLI::App& app, const Option& option, Tool::Repeated repeated) {
  const auto words = words_of(option);
  const std::string names = join(words.names, ",");
  CLI::Option* added = nullptr;
  if (option.traits.counted) {
    added = app.add_flag(names, *std::get<int*>(option.to));
  } else if (const auto* flag = std::get_if<bool*>(&option.to)) {
    added = app.add_flag(names, **flag);
  } else {
    if (const auto* path = std::get_if<std::filesystem::path*>(&option.to))
      added =
          app.add_option_function<std::string>(names, [to = *path](const std::string& text) { *to = text; });
    else
      added = std::visit([&](auto* to) { return app.add_option(names, *to); }, option.to);
    added->check([&option](const std::string& text) { return fault_of(option, text); });
    const bool is_list = std::holds_alternative<std::vector<std::string>*>(option.to);
    if (words.values == Values::at_most_one) added->expected(0, 1);
    if (is_list && words.values == Values::one) added->allow_extra_args(false);
    if (option.traits.least_values > 1)
      added->expected(static_cast<int>(option.traits.least_values), 1 << 20);
    if (!is_list && repeated == Tool::Repeated::last_counts)
      added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  if (option.traits.required) added->required();
  return {&option, added};
}

void add_all(CLI::App& app, const std::vector<Option>& options, Tool::Repeated repeated,
             std::vector<Added>& added) {
  const std::size_t first = added.size();
  for (const auto& option : options) added.push_back(add(app, option, repeated));
  for (std::size_t i = first; i < added.size(); ++i) {
    if (!added[i].option->traits.needs.empty())
      added[i].cli->needs(app.get_option(added[i].option->traits.needs));
    if (!added[i].option->traits.excludes.empty())
      added[i].cli->excludes(app.get_option(added[i].option->traits.excludes));
  }
}

std::vector<std::string> option_names(const Tool& tool, const Command* command) {
  std::vector<std::string> names = {"-h", "--help", "-V", "--version"};
  const auto common = common_options(tool);
  for (const auto* options : {command ? &command->options : nullptr, &tool.options, &common})
    for (const auto& option : options ? *options : std::vector<Option>())
      if (auto words = words_of(option); !words.is_positional)
        names.insert(names.end(), words.names.begin(), words.names.end());
  return names;
}

// "; did you mean …?" of an option that is not there: those that it is the beginning of, all of them, else
// the nearest; of one letter, the same letter written large or small.
std::string nearest_options(const std::string& name, const std::vector<std::string>& names) {
  std::vector<std::string> near;
  if (name.starts_with("--")) {
    for (const auto& one : names)
      if (name.size() > 3 && one.starts_with(name)) near.push_back(one);
    if (near.empty()) return did_you_mean(name, names);
  } else {
    for (const auto& one : names)
      if (one.size() == 2 && name.size() == 2 && std::tolower(one[1]) == std::tolower(name[1]))
        near.push_back(one);
  }
  return near.empty() ? "" : "; did you mean " + join(near, ", ") + "?";
}

std::string about_unknown_command(const Tool& tool, const std::string& word) {
  std::vector<std::string> names;
  for (const auto& one : tool.commands) names.push_back(one.name);
  const auto hint = did_you_mean(word, names);
  return fmt::format("'{}' is not a command{}", brief(word),
                     hint.empty() ? "; commands: " + join(names, ", ") : hint);
}

// "" of a command that says no more of its words.
std::string about_words(const Tool& tool, const Command* command) {
  const std::string& words = (command ? *command : tool).about_words;
  return words.empty() ? "" : "; " + words;
}

// What to say of the first word that has no place; "" when every word has one.
std::string about_stray(const Tool& tool, const Command* command, const std::vector<std::string>& stray) {
  if (stray.empty()) return "";
  const std::string& word = stray.front();
  if (word.size() > 1 && word.starts_with('-')) {
    const std::string name = word.substr(0, word.find('='));
    return fmt::format("unknown option {}{}", brief(name),
                       nearest_options(name, option_names(tool, command)));
  }
  if (!command && !tool.commands.empty()) return about_unknown_command(tool, word);
  std::string places;
  for (const auto& option : command ? command->options : tool.options)
    if (words_of(option).is_positional) places += " " + option.words;
  return fmt::format("'{}' is one word too many; {}{} takes{}{}", brief(word), tool.name,
                     command ? " " + command->name : "", places.empty() ? " options only" : places,
                     about_words(tool, command));
}

// A value that is none may be what follows a misspelt option.
std::string about_stray_option(const Tool& tool, const Command* command, std::vector<std::string> stray) {
  std::erase_if(stray, [](const std::string& word) { return word.size() < 2 || !word.starts_with('-'); });
  return about_stray(tool, command, stray);
}

// The option that CLI11's message, "--format: 1 required TEXT missing", begins with.
std::string about_missing_value(const Tool& tool, const Command* command, const std::string& message) {
  const std::string name = message.substr(0, message.find(':'));
  const auto common = common_options(tool);
  for (const auto* options : {command ? &command->options : nullptr, &tool.options, &common})
    for (const auto& option : options ? *options : std::vector<Option>())
      if (const auto words = words_of(option); std::ranges::find(words.names, name) != words.names.end())
        return fmt::format("{} needs a value: {}", name, words.value);
  return message;
}

// The words behind "--" where they are another program's; `words` loses them.
void take_passthrough(const Tool& tool, Args& words) {
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end()) return;
  std::vector<std::string>* passthrough = tool.passthrough;
  for (const auto& command : tool.commands)
    if (command.passthrough && std::find(words.begin(), dashes, command.name) != dashes)
      passthrough = command.passthrough;
  if (!passthrough) return;
  passthrough->assign(dashes + 1, words.end());
  words.erase(dashes, words.end());
}

// `tool help COMMAND` is another way to ask for what --help prints. Where a word has a place, "help" may be
// that word.
bool asks_for_help(const Tool& tool, const Args& words) {
  return !words.empty() && words.front() == "help" &&
         std::ranges::none_of(tool.options,
                              [](const Option& option) { return words_of(option).is_positional; });
}

// `tool COMMAND help`, and not a word more: a file or a recipe of that name is ./help.
bool asks_for_help_of_command(const Tool& tool, const Args& words) {
  return words.size() == 2 && words[1] == "help" &&
         std::ranges::find(tool.commands, words[0], &Command::name) != tool.commands.end();
}

// Is an error to be a line of JSON? Asked where the words may not be understood at all.
bool wants_json(const Tool& tool, const Args& words) {
  if (!tool.common) return false;
  bool json = false;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i].starts_with("--format=")) json = words[i] == "--format=json";
    if (words[i] == "--format" && i + 1 < words.size()) json = words[i + 1] == "json";
  }
  return json;
}

std::string error_document(const std::string& tool, const std::string& message, int status) {
  const nlohmann::ordered_json json = {
      {"schema", "criu-guest.error/1"}, {"tool", tool}, {"exit_status", status}, {"message", message}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int refuse_words(const Tool& tool, const Command* command, const Args& words, const std::string& wrong,
                 Environment& env) {
  if (wants_json(tool, words))
    env.err << error_document(tool.name, wrong, exit_usage) << "\n";
  else
    env.err << fmt::format("{}: {}\nRun '{}{} --help' for the options.\n", tool.name, shown_lines(wrong),
                           tool.name, command ? " " + command->name : "");
  return exit_usage;
}

// The status of a call that is over; nullopt: `chosen` is to run (null: the tool itself).
std::optional<int> parse(const Tool& tool, const Args& args, const Command*& chosen, Environment& env) {
  Args words = args;
  if (asks_for_help(tool, words)) {
    words.erase(words.begin());
    if (!words.empty() && !words.front().starts_with('-') &&
        std::ranges::find(tool.commands, words.front(), &Command::name) == tool.commands.end())
      return refuse_words(tool, nullptr, words,
                          tool.commands.empty() ? tool.name + " has no commands; its help is one text"
                                                : about_unknown_command(tool, words.front()),
                          env);
    words.emplace_back("--help");
  }
  if (asks_for_help_of_command(tool, words)) words[1] = "--help";
  take_passthrough(tool, words);
  // Parsing overwrites the defaults that a help text shows.
  std::map<const Command*, std::string> help;
  if (std::ranges::find(words, "--help") != words.end() || std::ranges::find(words, "-h") != words.end()) {
    const auto text = [&](const Command* command) {
      return wants_json(tool, words) ? description(tool, command, env) : help_text(tool, command);
    };
    help[nullptr] = text(nullptr);
    for (const auto& command : tool.commands) help[&command] = text(&command);
  }

  CLI::App app("", tool.name);
  app.fallthrough();
  app.set_help_flag("-h,--help");
  std::vector<Added> added;
  const auto common = common_options(tool);
  added.reserve(common.size() + tool.options.size());
  add_all(app, common, tool.repeated, added);
  add_all(app, tool.options, tool.repeated, added);
  app.set_version_flag("-V,--version",
                       [&] { return tool.version ? tool.version() : tool.name + " " + CG_VERSION; });
  if (!tool.commands.empty()) app.require_subcommand(tool.run ? 0 : 1, 1);
  std::vector<CLI::App*> apps;
  for (const auto& command : tool.commands) {
    apps.push_back(app.add_subcommand(command.name));
    add_all(*apps.back(), command.options, tool.repeated, added);
  }
  const auto choose = [&] {
    chosen = nullptr;
    for (std::size_t i = 0; i < apps.size(); ++i)
      if (apps[i]->parsed()) chosen = &tool.commands[i];
  };

  std::string wrong;
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    choose();
    for (const auto& one : added)
      if (one.option->traits.given) *one.option->traits.given = one.cli->count() > 0;
    return std::nullopt;
  } catch (const CLI::CallForVersion&) {
    env.out << app.version() << "\n";
    return exit_good;
  } catch (const CLI::CallForHelp&) {
    choose();
    const auto known = help.find(chosen);  // not there when -h stands among other letters
    env.out << (known == help.end() ? help_text(tool, chosen) : known->second);
    return exit_good;
  } catch (const CLI::RequiredError& error) {
    choose();  // a word that has no place may be what is missing, misspelt
    wrong = about_stray(tool, chosen, app.remaining(true));
    if (wrong.empty())
      wrong = chosen || tool.commands.empty() ? error.what() + about_words(tool, chosen)
                                              : "say what to do; no command is given";
  } catch (const CLI::ExtrasError&) {
    choose();
    wrong = about_stray(tool, chosen, app.remaining(true));
  } catch (const CLI::ArgumentMismatch& error) {
    choose();
    wrong = about_stray_option(tool, chosen, app.remaining(true));
    if (wrong.empty()) wrong = about_missing_value(tool, chosen, error.what());
  } catch (const CLI::ParseError& error) {
    choose();
    wrong = about_stray_option(tool, chosen, app.remaining(true));
    if (wrong.empty()) wrong = error.what();
  }
  return refuse_words(tool, chosen, words, wrong, env);
}

}  // namespace

int run_commands(const Tool& tool, const Args& args, Environment& env) {
  const Command* command = nullptr;
  if (const auto status = parse(tool, args, command, env)) return *status;
  static const CommonOptions none;
  Context context{tool.common ? *tool.common : none, env};
  const auto result = (command ? *command : tool).run(context);
  if (result) return *result;
  const int status = tool.status_of(result.error());
  if (context.options.format == "json")
    env.err << error_document(tool.name, result.error().message, status) << "\n";
  else
    report_error(result.error(), tool.name, env);
  return status;
}

Result<void> write_output(const std::string& text, const std::string& file, Environment& env) {
  if (!file.empty() && file != "-") return write_file_atomically(file, text);
  env.out << text;
  return {};
}

bool use_color(const CommonOptions& options, const Environment& env) {
  if (options.color == "always") return true;
  if (options.color == "never" || env.variable("NO_COLOR").value_or("") != "") return false;
  return env.out_is_terminal && options.output.empty();
}

int report_error(const Error& error, const std::string& tool, Environment& env) {
  env.out.flush();
  env.err << tool << ": " << shown_lines(error.message) << "\n";
  return exit_status(error);
}

int run_tool(int argc, char** argv, const std::function<int(const Args&, Environment&)>& tool_main) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow on is an error like a full disk
  clean_up_when_interrupted();
  Environment env = process_environment();
  const std::string name = argc > 0 ? argv[0] : "?";
  try {
    const int status = tool_main(Args(argv + 1, argv + argc), env);
    env.out.flush();
    if (!env.out && status == exit_good) {
      env.err << name << ": writing standard output failed\n";
      return exit_unable;
    }
    return status;
  } catch (const std::exception& error) {
    env.err << name << ": internal error: " << error.what() << "\n";
    return exit_unable;
  }
}

}  // namespace cg
