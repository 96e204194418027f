// The one place that knows toml++: it parses, and its tree is copied into a flat list of nodes.
//
// The texts are a user's, so what the parser takes for granted is checked or turned into an error. Before it:
// the size (its books about tables are searched one by one), UTF-8, control characters, and the number of
// parts of a key, for each part is a table in a table, and so a level of recursion. In it: its assertions,
// and the branches it holds for unreachable (damaged text does get to some in 3.3), throw, and the throw ends
// here as an error. Nothing else of this project is compiled with these settings.
#include <csetjmp>
#include <exception>

namespace cg {
namespace {
// An assertion of toml++. Some stand in functions that are noexcept, so that nothing may be thrown; what the
// parser held then is not given back.
thread_local std::jmp_buf before_the_parser;
[[noreturn]] void parser_failed() {
  std::longjmp(before_the_parser, 1);
}
}  // namespace
}  // namespace cg

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
// The parser's own settings first; then what they leave undefined in a release build is defined.
#if __has_include(<toml++/impl/preprocessor.hpp>)  // 3.4
#include <toml++/impl/preprocessor.hpp>
#else
#include <toml++/impl/preprocessor.h>
#endif
#undef TOML_ASSERT
#undef TOML_ASSERT_ASSUME
#undef TOML_UNREACHABLE
#define TOML_ASSERT(...) ((__VA_ARGS__) ? void() : cg::parser_failed())
#define TOML_ASSERT_ASSUME(...) TOML_ASSERT(__VA_ARGS__)
#define TOML_UNREACHABLE cg::parser_failed()
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/text.h"
#include "base/toml/toml.h"

namespace cg {
namespace {

using Kind = TomlNode::Kind;

constexpr std::size_t most_bytes = 1 << 20;
constexpr std::size_t longest_key = 64;  // parts between dots

// Goes through a text as far as it is TOML: what follows an error the parser does not reach either.
class Scan {
 public:
  Scan(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<void> check() {
    if (text_.size() > most_bytes)
      return refused(fmt::format("{}: {} bytes; more than {} are not read", name_, text_.size(), most_bytes));
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // the mark some editors put before UTF-8
    while (at_ < text_.size()) CG_CHECK(character());
    return {};
  }

 private:
  enum class Inside { nothing, comment, basic, literal, long_basic, long_literal };

  Result<void> wrong(std::string_view what) const {
    return refused(fmt::format("{}:{}:{}: {}", name_, line_, column_, what));
  }
  void skip(std::size_t bytes) {
    at_ += bytes;
    ++column_;
  }

  Result<void> character() {
    const std::string_view rest = text_.substr(at_);
    const auto c = static_cast<unsigned char>(rest[0]);
    const bool line_end = c == '\n' || rest.starts_with("\r\n");
    if (c >= 0x80) {
      const std::size_t length = utf8_length(rest);
      if (length == 0) return wrong("this is not UTF-8");
      skip(length);
      return {};
    }
    if ((c < 0x20 || c == 0x7f) && c != '\t' && !line_end)
      return wrong(fmt::format("the control character 0x{:02x}", c));
    if (inside_ == Inside::nothing) CG_CHECK(count_parts(rest[0]));
    const std::size_t length = enter_or_leave(rest);
    for (std::size_t i = 0; i < length; ++i) skip(1);
    if (c == '\n') {
      ++line_;
      column_ = 1;
    }
    return {};
  }

  Result<void> count_parts(char c) {
    if (c == '.' && ++dots_ >= longest_key)
      return wrong(fmt::format("a key of more than {} parts", longest_key));
    if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') dots_ = 0;
    return {};
  }

  // Begins and ends strings and comments. Returns how many characters that takes.
  std::size_t enter_or_leave(std::string_view rest) {
    const auto leave = [&](char quote) -> std::size_t {
      if (rest[0] == quote) inside_ = Inside::nothing;
      return 1;
    };
    // Of a long string: one or two quotes may stand in front of the three that end it.
    const auto leave_long = [&](char quote) -> std::size_t {
      const std::size_t run = std::min(rest.find_first_not_of(quote), rest.size());
      if (run >= 3) inside_ = Inside::nothing;
      return std::clamp<std::size_t>(run, 1, 5);
    };
    const bool escaped = rest[0] == '\\' && rest.size() > 1 && (rest[1] == '\\' || rest[1] == '"');
    switch (inside_) {
      case Inside::comment:
        if (rest[0] == '\n') inside_ = Inside::nothing;
        return 1;
      case Inside::basic:
        return escaped ? 2 : leave('"');
      case Inside::literal:
        return leave('\'');
      case Inside::long_basic:
        return escaped ? 2 : leave_long('"');
      case Inside::long_literal:
        return leave_long('\'');
      case Inside::nothing:
        break;
    }
    constexpr std::pair<std::string_view, Inside> openings[] = {{"\"\"\"", Inside::long_basic},
                                                                {"'''", Inside::long_literal},
                                                                {"\"", Inside::basic},
                                                                {"'", Inside::literal},
                                                                {"#", Inside::comment}};
    for (const auto& [mark, opened] : openings)
      if (rest.starts_with(mark)) {
        inside_ = opened;
        return mark.size();
      }
    return 1;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t column_ = 1;
  std::size_t dots_ = 0;
  Inside inside_ = Inside::nothing;
};

class Copy {
 public:
  TomlDocument take(const toml::table& root) {
    add(root, {});
    return {std::move(nodes_), std::move(words_)};
  }

 private:
  std::string_view keep(std::string_view text) { return words_.emplace_back(text); }

  void add(const toml::node& from, std::string_view key) {
    const std::size_t at = nodes_.size();
    nodes_.push_back({.line = from.source().begin.line, .column = from.source().begin.column, .key = key});
    TomlNode& node = nodes_[at];
    switch (from.type()) {
      case toml::node_type::string:
        node.kind = Kind::string;
        node.text = keep(from.as_string()->get());
        break;
      case toml::node_type::integer:
        node.kind = Kind::integer;
        node.integer = from.as_integer()->get();
        break;
      case toml::node_type::boolean:
        node.kind = Kind::boolean;
        node.integer = from.as_boolean()->get() ? 1 : 0;
        break;
      case toml::node_type::floating_point:
        node.kind = Kind::floating;
        break;
      case toml::node_type::date: {
        const toml::date& date = from.as_date()->get();
        node.kind = Kind::date;
        node.text = keep(fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day));
        break;
      }
      case toml::node_type::time:
      case toml::node_type::date_time:
        node.kind = Kind::time;
        break;
      case toml::node_type::array:
        node.kind = Kind::array;
        for (const toml::node& element : *from.as_array()) add(element, {});
        break;
      default:
        for (const auto& [name, value] : *from.as_table()) add(value, keep(name.str()));
        break;
    }
    nodes_[at].size = static_cast<std::uint32_t>(nodes_.size() - at);
  }

  std::vector<TomlNode> nodes_;
  std::deque<std::string> words_;
};

}  // namespace

Result<TomlDocument> parse_toml(std::string_view text, const std::string& name) {
  CG_CHECK(Scan(text, name).check());
  if (setjmp(before_the_parser) != 0)
    return refused(name + ":1:1: this text is damaged, and the parser lost its way in it");
  const toml::parse_result result = toml::parse(text, name);
  if (result) return Copy().take(result.table());
  const toml::parse_error& error = result.error();
  return refused(fmt::format("{}:{}:{}: {}", name, error.source().begin.line, error.source().begin.column,
                             error.description()));
}

}  // namespace cg
