#include "base/cli/describe.h"

#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/cli/help.h"
#include "base/data.h"

namespace cg {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

const char* kind_of(const Option& option) {
  return std::visit(
      [](const auto* target) {
        using Target = std::remove_cvref_t<decltype(*target)>;
        if constexpr (std::is_same_v<Target, bool>)
          return "flag";
        else if constexpr (std::is_same_v<Target, std::filesystem::path>)
          return "path";
        else if constexpr (std::is_same_v<Target, std::string> ||
                           std::is_same_v<Target, std::vector<std::string>>)
          return "text";
        else
          return "number";
      },
      option.to);
}

const char* name_of(Values values) {
  switch (values) {
    case Values::none:
      return "none";
    case Values::one:
      return "one";
    case Values::at_most_one:
      return "at_most_one";
    case Values::several:
      return "several";
  }
  return "";
}

Json list(const std::vector<Named>& names) {
  Json json = Json::array();
  for (const auto& [name, about] : names) json.push_back({{"name", name}, {"about", about}});
  return json;
}

Json to_json(const Option& option, const Environment& env) {
  const auto words = words_of(option);
  Json json = {{"names", words.names},
               {"kind", option.traits.counted ? "flag" : kind_of(option)},
               {"values", name_of(words.values)}};
  put(json, "value", words.is_positional ? words.names.front() : words.value);
  json["help"] = option.help;
  put(json, "default", default_of(option));
  if (option.traits.required) json["required"] = true;
  if (option.traits.counted || std::holds_alternative<std::vector<std::string>*>(option.to))
    json["repeated"] = true;
  if (!option.traits.choices.empty()) json["choices"] = option.traits.choices;
  if (const auto& range = option.traits.range)
    json["range"] = {{"least", range->least}, {"most", range->most}};
  put(json, "needs", option.traits.needs);
  put(json, "excludes", option.traits.excludes);
  if (option.traits.known) json["known"] = list(option.traits.known(env));
  return json;
}

Json to_json(const std::vector<Option>& options, bool positional, const Environment& env) {
  Json json = Json::array();
  for (const auto& option : options)
    if (words_of(option).is_positional == positional) json.push_back(to_json(option, env));
  return json;
}

// What the tool itself and each of its commands have.
void describe(Json& json, const Tool& tool, const Command* command, const Environment& env) {
  const Command& of = command ? *command : tool;
  json["usage"] = usage_words(tool, command);
  json["help"] = of.help;
  put(json, "about_words", of.about_words);
  put(json, "notes", of.notes);
  json["words"] = to_json(of.options, true, env);
  json["options"] = to_json(of.options, false, env);
  json["examples"] = Json::array();
  for (const auto& [words, about] : of.examples)
    json["examples"].push_back({{"words", words}, {"about", about}});
  json["files"] = list(of.files);
  json["takes_another_command"] = of.passthrough != nullptr;
}

}  // namespace

KnownNames known_names(std::vector<std::string> names) {
  return [names = std::move(names)](const Environment&) {
    std::vector<Named> known;
    for (const auto& name : names) known.push_back({name, ""});
    return known;
  };
}

KnownNames known_recipes(std::string kind, std::vector<std::string> beside) {
  return [kind = std::move(kind), beside = std::move(beside)](const Environment& env) {
    std::vector<Named> known;
    const auto recipes = recipe_names(env, kind);
    for (const auto* names : {&beside, recipes ? &*recipes : nullptr})
      for (const auto& name : names ? *names : std::vector<std::string>()) known.push_back({name, ""});
    return known;
  };
}

Named data_variable() {
  return {"CRIU_GUEST_DATA",
          "The folder that holds `recipes/` and `kconfig/`; else the checkout that the program was built "
          "from, or "
          "`share/criu-guest` of its installation"};
}

std::string description(const Tool& tool, const Command* command, const Environment& env) {
  Json json = {{"schema", "criu-guest.command-line/1"}, {"tool", tool.name}, {"version", CG_VERSION}};
  describe(json, tool, nullptr, env);
  json["commands"] = Json::array();
  for (const auto& one : tool.commands) {
    if (command && &one != command) continue;
    Json part = {{"name", one.name}};
    describe(part, tool, &one, env);
    json["commands"].push_back(std::move(part));
  }
  json["shared"] = to_json(common_options(tool), false, env);
  json["shared"].push_back(
      {{"names", {"-h", "--help"}}, {"kind", "flag"}, {"values", "none"}, {"help", "Print the help"}});
  json["shared"].push_back(
      {{"names", {"-V", "--version"}}, {"kind", "flag"}, {"values", "none"}, {"help", "Print the version"}});
  json["exit_statuses"] = Json::array();
  for (const auto& [status, meaning] : tool.exit_statuses)
    json["exit_statuses"].push_back({{"status", status}, {"meaning", meaning}});
  auto variables = tool.variables;
  if (tool.common)
    variables.insert(variables.end(),
                     {{"CRIU_GUEST_CACHE", "Where downloads and reusable builds are, unless --cache says"},
                      {"XDG_CACHE_HOME", "Its folder `criu-guest` is that cache where neither says"},
                      {"NO_COLOR", "With any value: no colours"}});
  json["variables"] = list(variables);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cg
