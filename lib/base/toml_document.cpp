// The grammar of TOML by recursive descent. Every function that returns bool returns false when the text is
// wrong, and fail() has then noted what is wrong first.
#include "base/toml_document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cg {

TomlValue::TomlValue(TomlValue&&) noexcept = default;
TomlValue& TomlValue::operator=(TomlValue&&) noexcept = default;
TomlValue::~TomlValue() = default;

const TomlValue* TomlTable::find(std::string_view key) const {
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : found->second.get();
}

namespace {

using Kind = TomlValue::Kind;
using Origin = TomlTable::Origin;

constexpr int deepest_nesting = 64;      // of brackets and braces
constexpr std::size_t longest_key = 64;  // parts between dots
constexpr std::size_t most_shown = 40;   // bytes of a text that a message repeats

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
// What a number, a date, true or inf consists of.
bool is_scalar(char c) {
  return is_bare(c) || c == '+' || c == '.' || c == ':';
}

struct KeyPart {
  std::string name;
  TomlPlace place;
};
using Key = std::vector<KeyPart>;

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<TomlTable> parse() {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;  // the mark some editors put before UTF-8
    const bool good = check_characters() && document();
    if (!good) return refused(fmt::format("{}:{}:{}: {}", name_, wrong_at_.line, wrong_at_.column, wrong_));
    return std::move(root_);
  }

 private:
  // --- places and errors
  TomlPlace here() const { return {line_, at_ - line_start_ + 1}; }
  bool fail_at(TomlPlace place, std::string what) {
    wrong_at_ = place;
    wrong_ = std::move(what);
    return false;
  }
  bool fail(std::string what) { return fail_at(here(), std::move(what)); }

  // --- characters
  bool at_end() const { return at_ == text_.size(); }
  char next() const { return at_end() ? '\0' : text_[at_]; }  // a NUL in the text was refused before
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_blanks() {
    while (next() == ' ' || next() == '\t') ++at_;
  }
  bool take_newline() {
    if (!take('\n') && !take("\r\n")) return false;
    ++line_;
    line_start_ = at_;
    return true;
  }
  void skip_comment() {
    if (next() != '#') return;
    at_ = std::min(text_.find('\n', at_), text_.size());
    if (!at_end() && text_[at_ - 1] == '\r') --at_;
  }
  // Between the elements of an array.
  void skip_lines() {
    do {
      skip_blanks();
      skip_comment();
    } while (take_newline());
  }
  bool check_characters();

  // --- the document
  bool document();
  bool header();
  bool key(Key& parts);
  bool key_part(Key& parts);
  bool key_value(TomlTable& table, std::size_t section, int depth);
  TomlTable* step_into(TomlTable& table, const KeyPart& part);
  TomlValue& add(TomlTable& table, const KeyPart& part, TomlValue value);

  // --- values
  bool value(TomlValue& result, int depth);
  bool string(std::string& result);
  bool basic_string(std::string& result);
  bool literal_string(std::string& result);
  bool long_string(std::string& result, char quote);
  bool escape(std::string& result);
  bool array(TomlValue& result, int depth);
  bool inline_table(TomlValue& result, int depth);
  bool scalar(TomlValue& result);

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  TomlPlace wrong_at_;
  std::string wrong_;

  TomlTable root_;
  TomlTable* current_ = &root_;  // what the last header opened
  std::size_t sections_ = 0;     // headers and inline tables so far
};

// UTF-8, and no control character but tab and the ends of lines: that holds for strings and comments alike.
bool Parser::check_characters() {
  std::size_t line = 1, start = at_;
  for (std::size_t i = at_; i < text_.size();) {
    const auto c = static_cast<unsigned char>(text_[i]);
    if (c >= 0x20 && c < 0x7f) {
      ++i;
      continue;
    }
    if (c == '\n') {
      ++line;
      start = ++i;
      continue;
    }
    const TomlPlace place{line, i - start + 1};
    if (c >= 0x80) {
      const std::size_t length = utf8_length(text_.substr(i));
      if (length == 0) return fail_at(place, "this is not UTF-8");
      i += length;
      continue;
    }
    const bool line_end = c == '\r' && i + 1 < text_.size() && text_[i + 1] == '\n';
    if (c != '\t' && !line_end) return fail_at(place, fmt::format("the control character 0x{:02x}", c));
    ++i;
  }
  return true;
}

bool Parser::document() {
  while (true) {
    skip_blanks();
    if (next() == '[') {
      if (!header()) return false;
    } else if (!at_end() && next() != '#' && next() != '\n' && next() != '\r') {
      if (!key_value(*current_, sections_, 0)) return false;
    }
    skip_blanks();
    skip_comment();
    if (at_end()) return true;
    if (!take_newline()) return fail("the line must end here");
  }
}

// The table that `part` names in `table`, made when there is none: for the parts of a header but the last.
TomlTable* Parser::step_into(TomlTable& table, const KeyPart& part) {
  const auto found = table.entries.find(part.name);
  if (found == table.entries.end()) {
    TomlValue made;
    made.place = part.place;
    made.table = std::make_unique<TomlTable>();
    made.table->place = part.place;
    made.table->origin = Origin::implied_by_header;
    return add(table, part, std::move(made)).table.get();
  }
  TomlValue& existing = *found->second;
  if (existing.array_of_headers) return existing.array.back().table.get();
  if (existing.kind == Kind::table && existing.table->origin != Origin::braces) return existing.table.get();
  fail_at(part.place, fmt::format("'{}' of line {} cannot be added to", part.name, existing.place.line));
  return nullptr;
}

TomlValue& Parser::add(TomlTable& table, const KeyPart& part, TomlValue value) {
  return *table.entries.emplace(part.name, std::make_unique<TomlValue>(std::move(value))).first->second;
}

bool Parser::header() {
  const TomlPlace place = here();
  const bool of_array = take("[[");
  if (!of_array) take('[');
  skip_blanks();
  Key parts;
  if (!key(parts)) return false;
  if (!(of_array ? take("]]") : take(']'))) return fail(of_array ? "']]' is missing" : "']' is missing");
  TomlTable* table = &root_;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    if (table = step_into(*table, parts[i]); !table) return false;
  const KeyPart& last = parts.back();
  const auto found = table->entries.find(last.name);
  TomlValue* value = found == table->entries.end() ? nullptr : found->second.get();
  if (value && (of_array ? !value->array_of_headers
                         : value->kind != Kind::table || value->table->origin != Origin::implied_by_header))
    return fail_at(last.place,
                   fmt::format("'{}' is already there, in line {}", last.name, value->place.line));
  if (!value) {
    TomlValue made;
    made.kind = of_array ? Kind::array : Kind::table;
    made.place = place;
    made.array_of_headers = of_array;
    if (!of_array) made.table = std::make_unique<TomlTable>();
    value = &add(*table, last, std::move(made));
  }
  if (of_array) {
    TomlValue& element = value->array.emplace_back();
    element.place = place;
    element.table = std::make_unique<TomlTable>();
    current_ = element.table.get();
  } else {
    current_ = value->table.get();
  }
  current_->place = place;
  current_->origin = Origin::header;
  ++sections_;
  return true;
}

bool Parser::key(Key& parts) {
  do {
    skip_blanks();
    if (!key_part(parts)) return false;
    skip_blanks();
    if (parts.size() > longest_key) return fail(fmt::format("a key of more than {} parts", longest_key));
  } while (take('.'));
  return true;
}

bool Parser::key_part(Key& parts) {
  KeyPart part;
  part.place = here();
  if (next() == '"' || next() == '\'') {
    if (take('"') ? !basic_string(part.name) : !(take('\'') && literal_string(part.name))) return false;
  } else {
    const std::size_t begin = at_;
    while (is_bare(next())) ++at_;
    if (at_ == begin) return fail("a key is missing here");
    part.name = text_.substr(begin, at_ - begin);
  }
  parts.push_back(std::move(part));
  return true;
}

// `section` tells which dotted keys may still grow a table: those that stand together under one header, or in
// one pair of braces.
bool Parser::key_value(TomlTable& into, std::size_t section, int depth) {
  Key parts;
  if (!key(parts)) return false;
  if (!take('=')) return fail("'=' is missing behind the key");
  TomlTable* table = &into;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const bool fresh = !table->entries.contains(parts[i].name);
    const TomlValue* existing = table->find(parts[i].name);
    if (existing && existing->kind != Kind::table) existing = nullptr;
    const bool open =
        fresh || (existing &&
                  (existing->table->origin == Origin::implied_by_header ||
                   (existing->table->origin == Origin::dotted_key && existing->table->section == section)));
    if (!open)
      return fail_at(parts[i].place,
                     fmt::format("'{}' is already there and cannot be added to", parts[i].name));
    table = step_into(*table, parts[i]);
    table->origin = Origin::dotted_key;
    table->section = section;
  }
  const KeyPart& last = parts.back();
  if (const TomlValue* there = table->find(last.name))
    return fail_at(last.place,
                   fmt::format("'{}' is already there, in line {}", last.name, there->place.line));
  skip_blanks();
  TomlValue made;
  if (!value(made, depth)) return false;
  add(*table, last, std::move(made));
  return true;
}

bool Parser::value(TomlValue& result, int depth) {
  result.place = here();
  if (depth > deepest_nesting) return fail(fmt::format("nested deeper than {}", deepest_nesting));
  switch (next()) {
    case '"':
    case '\'':
      result.kind = Kind::string;
      return string(result.text);
    case '[':
      return array(result, depth);
    case '{':
      return inline_table(result, depth);
    default:
      return scalar(result);
  }
}

bool Parser::string(std::string& result) {
  if (take(R"(""")")) return long_string(result, '"');
  if (take("'''")) return long_string(result, '\'');
  return take('"') ? basic_string(result) : take('\'') && literal_string(result);
}

bool Parser::basic_string(std::string& result) {
  while (true) {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != '"' && text_[end] != '\\' && text_[end] != '\n') ++end;
    if (end == text_.size() || text_[end] == '\n')
      return fail("a string that does not end in its line");
    result += text_.substr(at_, end - at_);
    at_ = end + 1;
    if (text_[end] == '"') return true;
    if (!escape(result)) return false;
  }
}

bool Parser::literal_string(std::string& result) {
  const std::size_t end = text_.find_first_of("'\n", at_);
  if (end == std::string_view::npos || text_[end] == '\n')
    return fail("a string that does not end in its line");
  result = text_.substr(at_, end - at_);
  at_ = end + 1;
  return true;
}

// Behind the three quotes. A newline right behind them is not part of it; one or two quotes in it, or in
// front of the closing three, are.
bool Parser::long_string(std::string& result, char quote) {
  const TomlPlace begin = here();
  take_newline();
  const std::string_view special = quote == '"' ? "\"\\\r\n" : "'\r\n";
  while (true) {
    const std::size_t end = std::min(text_.find_first_of(special, at_), text_.size());
    result += text_.substr(at_, end - at_);
    at_ = end;
    if (at_end()) return fail_at(begin, "a string that does not end");
    if (take_newline()) {
      result += '\n';
    } else if (take('\\')) {
      const std::size_t behind = at_;
      skip_blanks();
      if (next() == '\n' || next() == '\r') {  // it takes all blanks and newlines away
        while (take_newline()) skip_blanks();
      } else {
        at_ = behind;
        if (!escape(result)) return false;
      }
    } else {
      std::size_t quotes = 0;
      while (quotes < 5 && take(quote)) ++quotes;
      const bool closed = quotes >= 3;
      result.append(closed ? quotes - 3 : quotes, quote);
      if (closed) return true;
    }
  }
}

// Behind the backslash.
bool Parser::escape(std::string& result) {
  constexpr std::string_view letters = "btnfr\"\\";
  constexpr std::string_view meant = "\b\t\n\f\r\"\\";
  const char letter = next();
  if (const std::size_t known = letters.find(letter); !at_end() && known != std::string_view::npos) {
    result += meant[known];
    ++at_;
    return true;
  }
  if (letter != 'u' && letter != 'U') return fail("an unknown escape; write a backslash twice, or use '…'");
  const std::size_t digits = letter == 'u' ? 4 : 8;
  std::uint32_t code = 0;
  for (std::size_t i = 1; i <= digits; ++i) {
    const char c = at_ + i < text_.size() ? text_[at_ + i] : '\0';
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return fail(fmt::format("\\{} needs {} hexadecimal digits", letter, digits));
    code = code * 16 + static_cast<std::uint32_t>(digit);
  }
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return fail("no such character");
  at_ += digits + 1;
  append_utf8(result, code);
  return true;
}

bool Parser::array(TomlValue& result, int depth) {
  result.kind = Kind::array;
  take('[');
  while (true) {
    skip_lines();
    if (take(']')) return true;
    if (at_end()) return fail_at(result.place, "an array that does not end");
    if (!value(result.array.emplace_back(), depth + 1)) return false;
    skip_lines();
    if (take(']')) return true;
    if (!take(',')) return fail("',' or ']' is missing");
  }
}

bool Parser::inline_table(TomlValue& result, int depth) {
  result.kind = Kind::table;
  result.table = std::make_unique<TomlTable>();
  result.table->place = result.place;
  const std::size_t section = ++sections_;
  take('{');
  skip_blanks();
  if (!take('}')) {
    do {
      skip_blanks();
      if (!key_value(*result.table, section, depth + 1)) return false;
      skip_blanks();
    } while (take(','));
    if (!take('}')) return fail("',' or '}' is missing");
  }
  result.table->origin = Origin::braces;
  return true;
}

bool Parser::scalar(TomlValue& result) {
  const std::size_t begin = at_;
  while (is_scalar(next())) ++at_;
  // A date may be followed by a blank and its time.
  if (at_ - begin == 10 && text_[begin + 4] == '-' && next() == ' ' && at_ + 3 < text_.size() &&
      text_[at_ + 3] == ':') {
    ++at_;
    while (is_scalar(next())) ++at_;
  }
  const std::string_view word = text_.substr(begin, at_ - begin);
  if (word.empty()) return fail("a value is missing here");
  std::string wrong;
  if (read_toml_word(word, result, wrong)) return true;
  if (wrong.empty()) wrong = "no value; text stands in quotes";
  return fail_at(result.place, fmt::format("{}: {}", word.substr(0, most_shown), wrong));
}

}  // namespace

Result<TomlTable> parse_toml(std::string_view text, const std::string& name) {
  return Parser(text, name).parse();
}

}  // namespace cg
