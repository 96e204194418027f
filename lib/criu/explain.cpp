#include "criu/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/toml.h"
#include "criu/builtin_data.h"

namespace cg {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The number that begins at `at`: "42", "-1", "0x1f", "8eb". How many characters it has.
std::size_t number_length(std::string_view line, std::size_t at) {
  std::size_t end = at;
  if (end < line.size() && line[end] == '-') ++end;
  if (line.substr(end).starts_with("0x")) end += 2;
  const std::size_t digits = end;
  while (end < line.size() && is_hex_digit(line[end])) ++end;
  return end == digits ? 0 : end - at;
}

// Fewer letters than these fit into too many other programs' logs.
constexpr std::size_t least_letters = 10;

std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }));
}

Result<Cause> read_cause(const TomlNode& table, const std::string& file) {
  TomlReader reader(table, file);
  reader.only({"id", "role", "title", "stage", "sign", "warned", "texts", "why", "fix", "not", "source"});
  Cause cause;
  cause.id = reader.required_string("id");
  const std::string role = reader.string("role", "cause");
  if (role == "consequence")
    cause.role = Cause::Role::consequence;
  else if (role == "noise")
    cause.role = Cause::Role::noise;
  else if (role == "hint")
    cause.role = Cause::Role::hint;
  else if (role != "cause")
    reader.fail("role", "neither cause, consequence, noise nor hint");
  if (cause.role != Cause::Role::consequence) {
    cause.title = reader.required_string("title");
    cause.stage = reader.required_string("stage");
    cause.why = reader.required_string("why");
  }
  cause.sign = reader.string("sign");
  cause.warned = reader.boolean("warned", false);
  for (const auto& text : reader.strings("texts")) {
    auto parsed = LogText::parse(text);
    if (parsed)
      cause.texts.push_back(std::move(*parsed));
    else
      reader.fail("texts", parsed.error().message);
  }
  if (cause.texts.empty() && cause.sign.empty())
    reader.fail("texts", "missing; a cause needs texts or a sign");
  for (const auto& text : reader.strings("fix")) {
    const auto mark = text.rfind(" @");
    Remedy remedy{text.substr(0, mark), {}};
    if (mark != std::string::npos) {
      const auto range = VersionRange::parse(text.substr(mark + 2));
      if (!range) reader.fail("fix", range.error().message);
      remedy.criu = range.value_or(VersionRange());
    }
    cause.fix.push_back(std::move(remedy));
  }
  cause.nots = reader.strings("not");
  cause.sources = reader.strings("source");
  if (cause.sources.empty()) reader.fail("source", "missing; say where the text comes from");
  CG_CHECK(reader.error());
  return cause;
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

Result<LogText> LogText::parse(std::string_view text) {
  LogText parsed;
  parsed.text_ = std::string(text);
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parsed.pieces_.push_back({Piece::Kind::literal, std::move(literal)});
    literal.clear();
  };
  for (const char c : text) {
    if (c != '*' && c != '#') {
      literal += c;
      continue;
    }
    end_literal();
    parsed.pieces_.push_back({c == '*' ? Piece::Kind::any : Piece::Kind::number, {}});
  }
  end_literal();
  if (letters(text) < least_letters)
    return refused(fmt::format("'{}' is too short: it would fit into logs of other programs", text));
  return parsed;
}

// Holes take as little as they can. Only the start is tried anew when a piece does not fit, which is enough
// for texts whose literal pieces tell where a hole ends.
bool LogText::match(std::string_view line, std::size_t from, std::vector<std::string>& holes) const {
  holes.clear();
  std::size_t at = from;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    switch (piece.kind) {
      case Piece::Kind::literal:
        if (!line.substr(at).starts_with(piece.literal)) return false;
        at += piece.literal.size();
        break;
      case Piece::Kind::number: {
        const std::size_t length = number_length(line, at);
        if (length == 0) return false;
        holes.emplace_back(line.substr(at, length));
        at += length;
        break;
      }
      case Piece::Kind::any: {
        const bool next_literal = i + 1 < pieces_.size() && pieces_[i + 1].kind == Piece::Kind::literal;
        const std::size_t end = next_literal ? line.find(pieces_[i + 1].literal, at) : line.size();
        if (end == line.npos) return false;
        holes.emplace_back(line.substr(at, end - at));
        at = end;
        break;
      }
    }
  }
  return true;
}

std::optional<std::vector<std::string>> LogText::find_in(std::string_view line) const {
  std::vector<std::string> holes;
  if (pieces_[0].kind == Piece::Kind::literal) {
    for (auto at = line.find(pieces_[0].literal); at != line.npos; at = line.find(pieces_[0].literal, at + 1))
      if (match(line, at, holes)) return holes;
    return std::nullopt;
  }
  if (pieces_[0].kind == Piece::Kind::any) {
    // The word in front of the next piece, not all that stands before it.
    const auto next = line.find(pieces_[1].literal);
    if (next == line.npos || pieces_[1].kind != Piece::Kind::literal) return std::nullopt;
    const auto blank = line.find_last_of(" \t", next == 0 ? 0 : next - 1);
    if (match(line, blank == line.npos || blank > next ? 0 : blank + 1, holes)) return holes;
    return std::nullopt;
  }
  for (std::size_t at = 0; at < line.size(); ++at)
    if ((at == 0 || !is_hex_digit(line[at - 1])) && is_digit(line[at]) && match(line, at, holes))
      return holes;
  return std::nullopt;
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

std::optional<Recognized> recognize(const Knowledge& knowledge, const LogLine& line) {
  for (const auto& cause : knowledge.causes)
    for (const auto& text : cause.texts)
      if (auto holes = text.find_in(line.text)) return Recognized{&cause, std::move(*holes), line};
  return std::nullopt;
}

Diagnosis diagnose(const Knowledge& knowledge, const CriuLog& log) {
  Diagnosis diagnosis;
  enum class Unknown { kept, dropped };
  const auto look_at = [&](const LogLine& line, Unknown unknown) {
    auto found = recognize(knowledge, line);
    if (!found) {
      if (unknown == Unknown::kept) diagnosis.unknown.push_back(line);
      return;
    }
    if (found->cause->role == Cause::Role::consequence) {
      diagnosis.failed = true;
      return;
    }
    auto& list = found->cause->role == Cause::Role::noise ? diagnosis.noise : diagnosis.causes;
    if (std::ranges::find(list, found->cause, &Recognized::cause) == list.end())
      list.push_back(std::move(*found));
  };
  for (const auto& line : log.errors) look_at(line, Unknown::kept);
  for (const auto& line : log.last_errors) look_at(line, Unknown::kept);
  diagnosis.failed = diagnosis.failed || !diagnosis.causes.empty() || !diagnosis.unknown.empty();
  // Some causes stand in warnings and debug lines only.
  const auto look_below = [&](const auto& lines) {
    for (const auto& line : lines)
      if (const auto found = recognize(knowledge, line); found && found->cause->warned)
        look_at(line, Unknown::dropped);
  };
  if (diagnosis.causes.empty() && diagnosis.failed) {
    look_below(log.warnings);
    look_below(log.head);
    look_below(log.tail);
  }
  // A log that CRIU has not written has no marks at all.
  if (log.criu_lines == 0) {
    for (const auto& line : log.head) look_at(line, Unknown::dropped);
    for (const auto& line : log.tail) look_at(line, Unknown::dropped);
    diagnosis.failed = diagnosis.failed || !diagnosis.causes.empty();
  }
  return diagnosis;
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

std::string fill_holes(std::string_view text, const std::vector<std::string>& holes) {
  std::string filled;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hole = text[i] == '{' && i + 2 < text.size() && text[i + 1] >= '1' && text[i + 1] <= '9' &&
                      text[i + 2] == '}';
    if (!hole) {
      filled += text[i];
      continue;
    }
    const auto index = static_cast<std::size_t>(text[i + 1] - '1');
    filled += index < holes.size() ? holes[index] : "…";
    i += 2;
  }
  return filled;
}

}  // namespace cg
