#include "base/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <iostream>

#include "base/interrupt.h"
#include "base/text.h"

namespace cg {
namespace {

std::vector<std::string> known_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options({}))
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> known_subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

// CLI11 names the first word it could not place; here it gets its nearest neighbours.
std::string advice(const CLI::App& app, const Args& args, const std::string& message) {
  const CLI::App* level = &app;
  for (const auto& word : args) {
    if (word == "--") break;
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      auto options = known_options(*level);
      if (level != &app) {
        const auto outer = known_options(app);
        options.insert(options.end(), outer.begin(), outer.end());
      }
      if (message.contains(word) && std::ranges::find(options, name) == options.end())
        return did_you_mean(name, options);
    } else if (!word.starts_with('-')) {
      const auto subs = level->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
      if (!subs.empty()) {
        level = subs.front();
      } else if (level == &app && !known_subcommands(*level).empty()) {
        const auto names = known_subcommands(*level);
        const auto hint = did_you_mean(word, names);
        return fmt::format("; '{}' is not a command{}", word,
                           hint.empty() ? " (commands: " + join(names, ", ") + ")" : hint);
      }
    }
  }
  return "";
}

// CLI11 asks for a missing word before it looks at a wrong one; the user wants to hear of the wrong one.
std::string unknown_option(const CLI::App& app, const Args& args) {
  auto known = known_options(app);
  for (const CLI::App* sub : app.get_subcommands({}))
    for (auto& name : known_options(*sub)) known.push_back(std::move(name));
  for (const auto& word : args) {
    if (word == "--") break;
    const std::string name = word.substr(0, word.find('='));
    if (name.starts_with("--") && std::ranges::find(known, name) == known.end())
      return "unknown option " + name + did_you_mean(name, known);
  }
  return "";
}

}  // namespace

void add_common_options(CLI::App& app, CommonOptions& options, const std::vector<std::string>& formats) {
  app.fallthrough();
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", std::string(app.get_name()) + " " + CG_VERSION);
  app.add_option("--format", options.format, "How results are written")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  app.add_option("--color", options.color, "auto, always or never (NO_COLOR is honoured)")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--cache", options.cache,
                 "Downloads and reusable builds (default: XDG_CACHE_HOME/criu-guest)");
  app.add_flag("-q,--quiet", options.quiet, "Only results and errors");
  app.add_flag("-v,--verbose", options.verbose, "Say more");
}

std::optional<int> parse_command_line(CLI::App& app, const Args& args, Environment& env) {
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
    return std::nullopt;
  } catch (const CLI::CallForVersion&) {
    env.out << app.version() << "\n";
    return exit_good;
  } catch (const CLI::Success& success) {
    app.exit(success, env.out, env.err);
    return exit_good;
  } catch (const CLI::RequiredError& error) {
    const std::string unknown = unknown_option(app, args);
    env.err << app.get_name() << ": "
            << (unknown.empty() ? error.what() + advice(app, args, error.what()) : unknown) << "\n"
            << "Run '" << app.get_name() << " --help' for the options.\n";
    return exit_usage;
  } catch (const CLI::ParseError& error) {
    env.err << app.get_name() << ": " << error.what() << advice(app, args, error.what()) << "\n"
            << "Run '" << app.get_name() << " --help' for the options.\n";
    return exit_usage;
  }
}

bool use_color(const CommonOptions& options, const Environment& env) {
  if (options.color == "always") return true;
  if (options.color == "never" || env.variable("NO_COLOR").value_or("") != "") return false;
  return env.out_is_terminal && options.output.empty();
}

int report_error(const Error& error, const std::string& tool, Environment& env) {
  env.out.flush();
  env.err << tool << ": " << error.message << "\n";
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
