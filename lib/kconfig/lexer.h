// The words of a Kconfig file. What ends a statement is the line; what a word means is the parser's business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kconfig/macro.h"

namespace cg::kconfig {

enum class TokenKind : std::uint8_t {
  end_of_line,
  end_of_file,
  word,    // letters, digits, '_', '-', and expanded macros
  quoted,  // without its quotes
  open,
  close,
  negation,
  conjunction,
  disjunction,
  equal,
  unequal,
  less,
  at_most,
  greater,
  at_least,
  colon_equal,
  plus_equal,
};

struct Token {
  TokenKind kind = TokenKind::end_of_file;
  bool opaque = false;  // a macro in it could not be expanded
  std::string_view text;
};

class Lexer {
 public:
  // Keeps an expanded text for as long as the tree lives.
  using Keep = std::string_view (*)(void* owner, std::string text);

  Lexer(std::string_view text, const Macros& macros, Keep keep, void* owner)
      : text_(text), macros_(macros), keep_(keep), owner_(owner) {}

  Token next();
  std::uint32_t line() const { return line_; }  // of the token read last
  // The rest of the line as it is written, for an assignment's value. Ends at the end of the line.
  std::string_view rest_of_line();
  void skip_line();  // up to the end of the line, which is read next
  // Skips a help text: the lines that are indented at least as far as its first one.
  void skip_help();
  // Whether the next sign on this line is an assignment's; for a word that begins a line.
  bool at_assignment() const;

 private:
  Token quoted(char quote);
  Token word();
  void skip_blanks();
  std::string_view view(std::string text) { return keep_(owner_, std::move(text)); }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  bool line_ended_ = false;
  const Macros& macros_;
  Keep keep_;
  void* owner_;
};

}  // namespace cg::kconfig
