#include "criu/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/digits.h"
#include "base/text.h"
#include "base/toml/toml.h"
#include "criu/builtin_data.h"

namespace cg {
namespace {

const std::vector<std::string> known_forms = {"pid",  "port",      "fd",     "number",
                                              "size", "verbosity", "inodes", "cpu-caps"};

// "pid", "number:1..65537", "pages:4194304".
bool is_known_form(std::string_view form) {
  const auto is_number = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_digit);
  };
  if (form.starts_with("pages:")) return is_number(form.substr(form.find(':') + 1));
  if (form.starts_with("number:")) {
    const auto bounds = form.substr(form.find(':') + 1);
    const std::size_t dots = bounds.find("..");
    return dots != bounds.npos && is_number(bounds.substr(0, dots)) && is_number(bounds.substr(dots + 2));
  }
  return form.empty() || std::ranges::find(known_forms, form) != known_forms.end();
}

VersionRange read_range(TomlReader& reader) {
  const auto range = VersionRange::parse(reader.string("criu", "*"));
  if (!range) reader.fail("criu", range.error().message);
  return range.value_or(VersionRange());
}

void read_actions(TomlReader& reader, const OptionTable& table, std::vector<std::string>& actions) {
  actions = reader.strings("actions");
  for (const auto& action : actions)
    if (std::ranges::find(table.actions, action) == table.actions.end())
      reader.fail("actions", fmt::format("'{}' is no action{}", action, did_you_mean(action, table.actions)));
}

// "skip @>=3.19": a value and the versions that take it.
void read_values(TomlReader& reader, CriuOption& option) {
  for (const auto& text : reader.strings("values")) {
    const auto mark = text.rfind(" @");
    OptionValue value{text.substr(0, mark), {}};
    if (mark != std::string::npos) {
      const auto range = VersionRange::parse(text.substr(mark + 2));
      if (!range) reader.fail("values", range.error().message);
      value.criu = range.value_or(VersionRange());
    }
    option.values.push_back(std::move(value));
  }
}

Result<CriuOption> read_option(const TomlNode& table, const OptionTable& options, const std::string& file) {
  TomlReader reader(table, file);
  reader.only({"name", "letter", "argument", "negatable", "criu", "actions", "if_unread", "values", "form",
               "if_invalid", "what", "source"});
  CriuOption option;
  option.name = reader.required_string("name");
  const std::string letter = reader.string("letter");
  if (letter.size() > 1) reader.fail("letter", "one character");
  if (letter.size() == 1) option.letter = letter[0];
  const std::string argument = reader.string("argument", "none");
  if (argument == "required")
    option.argument = ArgumentKind::required;
  else if (argument == "optional")
    option.argument = ArgumentKind::optional;
  else if (argument != "none")
    reader.fail("argument", "neither none, optional nor required");
  option.negatable = reader.boolean("negatable", false);
  option.criu = read_range(reader);
  read_actions(reader, options, option.actions);
  option.if_unread = reader.string("if_unread");
  read_values(reader, option);
  option.form = reader.string("form");
  if (!is_known_form(option.form))
    reader.fail("form", fmt::format("no form '{}'{}", option.form, did_you_mean(option.form, known_forms)));
  option.if_invalid = reader.string("if_invalid");
  option.what = reader.string("what");
  option.source = reader.required_string("source");
  CG_CHECK(reader.error());
  return option;
}

OptionCondition read_condition(std::string_view text) {
  OptionCondition condition;
  if (text.starts_with('!')) {
    condition.absent = true;
    text.remove_prefix(1);
  }
  const auto equals = text.find('=');
  condition.name = std::string(text.substr(0, equals));
  if (equals != std::string_view::npos) condition.pattern = std::string(text.substr(equals + 1));
  return condition;
}

Result<CombinationRule> read_rule(const TomlNode& table, const OptionTable& options,
                                  const std::string& file) {
  TomlReader reader(table, file);
  reader.only({"id", "verdict", "criu", "actions", "when", "title", "breaks", "fix", "source"});
  CombinationRule rule;
  rule.id = reader.required_string("id");
  const std::string verdict = reader.required_string("verdict");
  if (verdict == "warn")
    rule.verdict = Verdict::warn;
  else if (verdict != "fail")
    reader.fail("verdict", "neither warn nor fail");
  rule.criu = read_range(reader);
  read_actions(reader, options, rule.actions);
  for (const auto& text : reader.strings("when")) {
    rule.when.push_back(read_condition(text));
    if (!options.find(rule.when.back().name))
      reader.fail("when", fmt::format("no option '{}'", rule.when.back().name));
  }
  if (rule.when.empty()) reader.fail("when", "a rule needs a condition");
  rule.title = reader.required_string("title");
  rule.breaks = reader.required_string("breaks");
  rule.fix = reader.required_string("fix");
  rule.source = reader.required_string("source");
  CG_CHECK(reader.error());
  return rule;
}

}  // namespace

const CriuOption* OptionTable::find(std::string_view name) const {
  const auto found = std::ranges::find(options, name, &CriuOption::name);
  return found == options.end() ? nullptr : &*found;
}

Result<OptionTable> read_option_table(const TomlNode& root, const std::string& name) {
  TomlReader reader(root, name);
  reader.only({"actions", "option", "rule", "never"});
  OptionTable table;
  table.actions = reader.strings("actions");
  const auto options = reader.tables("option");
  const auto rules = reader.tables("rule");
  const auto never = reader.tables("never");
  if (table.actions.empty()) reader.fail("actions", "missing; the words that follow 'criu'");
  if (options.empty()) reader.fail("option", "missing; the table is a list of [[option]] tables");
  CG_CHECK(reader.error());

  std::set<std::string> names;
  for (const TomlNode* entry : options) {
    CG_TRY(option, read_option(*entry, table, name));
    if (!names.insert(option.name).second)
      return refused(fmt::format("{}: the option '{}' is there twice", position(*entry, name), option.name));
    table.options.push_back(std::move(option));
  }
  for (const TomlNode* entry : rules) {
    CG_TRY(rule, read_rule(*entry, table, name));
    table.rules.push_back(std::move(rule));
  }
  for (const TomlNode* entry : never) {
    TomlReader words(*entry, name);
    words.only({"name", "instead"});
    table.never.emplace_back(words.required_string("name"), words.required_string("instead"));
    CG_CHECK(words.error());
  }
  return table;
}

Result<OptionTable> parse_option_table(std::string_view text, const std::string& name) {
  CG_TRY(document, parse_toml(text, name));
  return read_option_table(document.root(), name);
}

Result<OptionTable> builtin_option_table() {
  return read_option_table(*data::criu_options, "criu-options.toml");
}

// After the last '*' that matched, the shortest text for it is tried first; that is enough for one '*' at a
// time, and keeps the work at |text| * |pattern|.
bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, star_text = 0;
  while (true) {
    if (p == pattern.size() && t == text.size()) return true;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && t < text.size()) {
      if (pattern[p] == '#' && is_digit(text[t])) {
        while (t < text.size() && is_digit(text[t])) ++t;
        ++p;
        continue;
      }
      if (pattern[p] == '?' || (pattern[p] != '#' && pattern[p] == text[t])) {
        ++t;
        ++p;
        continue;
      }
    }
    if (star == std::string_view::npos || star_text == text.size()) return false;
    t = ++star_text;
    p = star + 1;
  }
}

}  // namespace cg
