#include "manual/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cg::manual {
namespace {

using Json = nlohmann::json;

std::vector<Entry> entries(const Json& list, const char* first = "name", const char* second = "about") {
  std::vector<Entry> result;
  for (const auto& one : list)
    result.push_back({one.at(first).get<std::string>(), one.at(second).get<std::string>()});
  return result;
}

std::vector<Word> words(const Json& list) {
  std::vector<Word> result;
  for (const auto& one : list) {
    Word word;
    word.names = one.at("names").get<std::vector<std::string>>();
    word.kind = one.at("kind").get<std::string>();
    word.values = one.at("values").get<std::string>();
    word.value = one.value("value", "");
    word.help = one.at("help").get<std::string>();
    word.default_text = one.value("default", "");
    word.required = one.value("required", false);
    word.repeated = one.value("repeated", false);
    word.only_known = one.contains("choices");
    for (const auto& choice : one.value("choices", Json::array()))
      word.known.push_back({choice.get<std::string>(), ""});
    for (auto& known : entries(one.value("known", Json::array()))) word.known.push_back(std::move(known));
    result.push_back(std::move(word));
  }
  return result;
}

void read(const Json& json, Part& part) {
  part.usage = json.at("usage").get<std::string>();
  part.help = json.at("help").get<std::string>();
  part.about_words = json.value("about_words", "");
  part.notes = json.value("notes", "");
  part.words = words(json.at("words"));
  part.options = words(json.at("options"));
  part.examples = entries(json.at("examples"), "words");
  part.files = entries(json.at("files"));
  part.takes_another_command = json.at("takes_another_command").get<bool>();
}

// A name with a blank or a quote would be two words, or none, in a shell's list.
const Entry* unfit_name(const Part& part) {
  for (const auto* list : {&part.words, &part.options})
    for (const auto& word : *list)
      for (const auto& known : word.known)
        if (known.name.find_first_not_of(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/") != std::string::npos)
          return &known;
  return nullptr;
}

}  // namespace

std::vector<Word> CommandLine::options_with_shared(const Part* command) const {
  std::vector<Word> all = command ? command->options : std::vector<Word>();
  all.insert(all.end(), options.begin(), options.end());
  all.insert(all.end(), shared.begin(), shared.end());
  return all;
}

Result<CommandLine> parse_command_line(std::string_view text, const std::string& name) {
  CommandLine line;
  try {
    const Json json = Json::parse(text);
    if (json.at("schema") != "criu-guest.command-line/1")
      return refused(name + ": no description of a command line");
    line.name = json.at("tool").get<std::string>();
    line.version = json.at("version").get<std::string>();
    read(json, line);
    for (const auto& one : json.at("commands")) {
      Part part;
      part.name = one.at("name").get<std::string>();
      read(one, part);
      line.commands.push_back(std::move(part));
    }
    line.shared = words(json.at("shared"));
    line.exit_statuses = entries(json.at("exit_statuses"), "status", "meaning");
    line.variables = entries(json.at("variables"));
  } catch (const Json::exception& error) {
    return refused(fmt::format("{}: {}", name, error.what()));
  }
  const Entry* unfit = unfit_name(line);
  for (const auto& command : line.commands)
    if (!unfit) unfit = unfit_name(command);
  if (unfit)
    return refused(fmt::format("{}: '{}' is no name that a shell could complete", name, unfit->name));
  return line;
}

Offer offer_of(const Word& word) {
  if (!word.known.empty()) return Offer::names;
  if (word.kind == "number" || word.kind == "flag") return Offer::nothing;
  const auto has = [&](std::initializer_list<std::string_view> parts) {
    return std::ranges::any_of(parts, [&](std::string_view part) { return word.value.contains(part); });
  };
  if (has({"DIR", "TREE"}) && !has({"|"})) return Offer::directories;
  const bool is_file = has({"FILE", "IMAGE", "PATH", "SRC", "SOURCE", "PROGRAM", "WHAT", "PLACE", "OTHER",
                            "FIRST", "SECOND", "CRIU", "ROOT", "RECIPE"});
  return is_file || word.kind == "path" ? Offer::files : Offer::nothing;
}

}  // namespace cg::manual
