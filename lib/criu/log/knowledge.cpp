#include "criu/log/knowledge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.h"
#include "base/toml/toml.h"
#include "criu/builtin_data.h"

namespace cg {
namespace {

constexpr std::array<std::pair<std::string_view, Cause::Role>, 6> roles{{
    {"cause", Cause::Role::cause},
    {"guess", Cause::Role::guess},
    {"family", Cause::Role::family},
    {"consequence", Cause::Role::consequence},
    {"noise", Cause::Role::noise},
    {"hint", Cause::Role::hint},
}};

// A text that is looked for in the lines of one file of CRIU only may be shorter.
constexpr std::size_t least_letters_at_place = 3;

std::vector<LogText> read_texts(TomlReader& reader, std::string_view key, std::size_t least_letters) {
  std::vector<LogText> texts;
  for (const auto& text : reader.strings(key)) {
    auto parsed = LogText::parse(text, least_letters);
    if (parsed)
      texts.push_back(std::move(*parsed));
    else
      reader.fail(key, parsed.error().message);
  }
  return texts;
}

VersionRange read_range(TomlReader& reader, std::string_view key) {
  const auto range = VersionRange::parse(reader.string(key, "*"));
  if (!range) reader.fail(key, range.error().message);
  return range.value_or(VersionRange());
}

// "what to do @>=3.18": a remedy for some versions of CRIU only.
std::vector<Remedy> read_remedies(TomlReader& reader) {
  std::vector<Remedy> remedies;
  for (const auto& text : reader.strings("fix")) {
    const auto mark = text.rfind(" @");
    Remedy remedy{text.substr(0, mark), {}};
    if (mark != std::string::npos) {
      const auto range = VersionRange::parse(text.substr(mark + 2));
      if (!range) reader.fail("fix", range.error().message);
      remedy.criu = range.value_or(VersionRange());
    }
    remedies.push_back(std::move(remedy));
  }
  return remedies;
}

Result<Cause> read_cause(const TomlNode& table, const std::string& file) {
  TomlReader reader(table, file);
  reader.only({"id",    "role", "title", "stage",  "sign",    "warned", "first", "last", "texts",  "place",
               "errno", "with", "criu",  "kernel", "machine", "why",    "fix",   "not",  "source", "proof"});
  Cause cause;
  cause.id = reader.required_string("id");
  const std::string role = reader.string("role", "cause");
  const auto named = std::ranges::find(roles, role, [](const auto& entry) { return entry.first; });
  if (named == roles.end())
    reader.fail("role", "neither cause, guess, family, consequence, noise nor hint");
  else
    cause.role = named->second;
  if (cause.role != Cause::Role::consequence && cause.role != Cause::Role::noise) {
    cause.title = reader.required_string("title");
    cause.stage = reader.required_string("stage");
    cause.why = reader.required_string("why");
  } else {
    cause.title = reader.string("title");
    cause.stage = reader.string("stage");
    cause.why = reader.string("why");
  }
  cause.sign = reader.string("sign");
  cause.warned = reader.boolean("warned", false);
  cause.first = reader.boolean("first", false);
  cause.last = reader.boolean("last", false);
  cause.places = reader.strings("place");
  cause.texts = read_texts(reader, "texts", cause.places.empty() ? LogText::telling : least_letters_at_place);
  cause.errnos = reader.strings("errno");
  cause.with = read_texts(reader, "with", LogText::telling);
  cause.criu = read_range(reader, "criu");
  cause.kernel = read_range(reader, "kernel");
  cause.machine = reader.string("machine");
  if (cause.texts.empty() && cause.sign.empty() && cause.places.empty())
    reader.fail("texts", "missing; a cause needs texts, a sign or a place");
  cause.fix = read_remedies(reader);
  cause.without = reader.strings("not");
  cause.sources = reader.strings("source");
  if (cause.sources.empty()) reader.fail("source", "missing; say where the text comes from");
  cause.proof = reader.string("proof");
  CG_CHECK(reader.error());
  return cause;
}

// What the log says of itself. A row for one kernel is no answer where the log does not say which it was.
bool holds(const VersionRange& range, const std::string& version) {
  if (range.everything()) return true;
  const auto known = leading_version(version);
  return known && range.contains(*known);
}

bool fits(const Cause& cause, const CriuLog& log, const LogLine& line) {
  // Old versions name the file without its folder: "files-reg.c", "pie/restorer.c".
  const std::string inside = "criu/" + line.where;
  const auto begins = [&](const std::string& place) {
    return line.where.starts_with(place) || inside.starts_with(place);
  };
  if (!cause.places.empty() && std::ranges::none_of(cause.places, begins)) return false;
  if (cause.last && line.number != log.lines) return false;
  // Behind the errno may stand what others put around a line: quotes, markdown, "\\n".
  std::string_view end = line.text;
  for (std::size_t size = end.size() + 1; end.size() < size;) {
    size = end.size();
    if (end.ends_with("\\n")) end.remove_suffix(2);
    end = end.substr(0, end.find_last_not_of(" \t*'\"`,;!>") + 1);
  }
  if (!cause.errnos.empty() && std::ranges::none_of(cause.errnos, [&](const std::string& errno_text) {
        return end.ends_with(errno_text);
      }))
    return false;
  if (!cause.machine.empty() && cause.machine != log.machine) return false;
  if (!holds(cause.criu, log.criu_version) || !holds(cause.kernel, log.kernel)) return false;
  if (cause.with.empty()) return true;
  const auto beside = [&](const auto& lines) {
    return std::ranges::any_of(lines, [&](const LogLine& other) {
      return (other.number != line.number || other.text != line.text) &&
             std::ranges::any_of(cause.with,
                                 [&](const LogText& text) { return text.find_in(other.text).has_value(); });
    });
  };
  return beside(log.head) || beside(log.tail);
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (word.size() >= 3) words.insert(word);
    word.clear();
  };
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || c == '_')
      word += c;
    else if (c >= 'A' && c <= 'Z')
      word += static_cast<char>(c - 'A' + 'a');
    else
      end_word();
  }
  end_word();
  for (const char* common : {"the", "can", "not", "for", "and", "with", "error", "failed", "that", "from"})
    words.erase(common);
  return words;
}

}  // namespace

std::string_view role_name(Cause::Role role) {
  return std::ranges::find(roles, role, [](const auto& entry) { return entry.second; })->first;
}

const Cause* Knowledge::with_sign(std::string_view sign) const {
  const auto found = std::ranges::find(causes, sign, &Cause::sign);
  return found == causes.end() ? nullptr : &*found;
}

Result<Knowledge> read_knowledge(const TomlNode& root, const std::string& name) {
  TomlReader reader(root, name);
  reader.only({"cause"});
  const auto tables = reader.tables("cause");
  if (tables.empty()) reader.fail("cause", "missing; the knowledge is a list of [[cause]] tables");
  CG_CHECK(reader.error());
  Knowledge knowledge;
  std::set<std::string> ids;
  for (const TomlNode* table : tables) {
    CG_TRY(cause, read_cause(*table, name));
    if (!ids.insert(cause.id).second)
      return refused(fmt::format("{}: the id '{}' is there twice", position(*table, name), cause.id));
    knowledge.causes.push_back(std::move(cause));
  }
  return knowledge;
}

Result<Knowledge> parse_knowledge(std::string_view text, const std::string& name) {
  CG_TRY(document, parse_toml(text, name));
  return read_knowledge(document.root(), name);
}

Result<Knowledge> builtin_knowledge() {
  return read_knowledge(*data::criu_log, "criu-log.toml");
}

Recognized recognize(const Knowledge& knowledge, const CriuLog& log, const LogLine& line) {
  for (const auto& cause : knowledge.causes) {
    if (cause.texts.empty() && cause.sign.empty() && fits(cause, log, line)) return {&cause, {}, line};
    for (const auto& text : cause.texts)
      if (auto holes = text.find_in(line.text); holes && fits(cause, log, line))
        return {&cause, std::move(*holes), line};
  }
  return {nullptr, {}, line};
}

std::vector<std::string> nearest_texts(const Knowledge& knowledge, std::string_view line, std::size_t most) {
  const auto wanted = words_of(line);
  std::vector<std::pair<double, std::string>> ranked;
  for (const auto& cause : knowledge.causes) {
    if (cause.role != Cause::Role::cause) continue;
    for (const auto& text : cause.texts) {
      const auto words = words_of(text.text());
      const auto common = static_cast<double>(
          std::ranges::count_if(words, [&](const std::string& word) { return wanted.contains(word); }));
      const double all = static_cast<double>(words.size() + wanted.size()) - common;
      if (common >= 2 && common / all >= 0.3) ranked.emplace_back(-common / all, text.text());
    }
  }
  std::ranges::sort(ranked);
  std::vector<std::string> texts;
  for (const auto& [score, text] : ranked)
    if (texts.size() < most) texts.push_back(text);
  return texts;
}

}  // namespace cg
