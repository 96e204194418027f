#include "kconfig/lexer.h"

#include <array>

namespace cg::kconfig {
namespace {

constexpr std::array<bool, 256> word_characters = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  table['_'] = table['-'] = true;
  return table;
}();

bool is_word_character(char c) {
  return word_characters[static_cast<unsigned char>(c)];
}

}  // namespace

void Lexer::skip_blanks() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') {
      at_ += 2;
      ++line_;
    } else {
      return;
    }
  }
}

Token Lexer::next() {
  if (line_ended_) {
    line_ended_ = false;
    ++line_;
  }
  for (;;) {
    skip_blanks();
    if (at_ >= text_.size()) return {TokenKind::end_of_file};
    const char c = text_[at_];
    if (is_word_character(c) || c == '$') {
      Token token = word();
      if (token.text.empty()) continue;  // a macro that expanded to nothing
      return token;
    }
    ++at_;
    const char following = at_ < text_.size() ? text_[at_] : '\0';
    const auto two = [&](TokenKind kind) {
      ++at_;
      return Token{kind};
    };
    switch (c) {
      case '\n':
        line_ended_ = true;
        return {TokenKind::end_of_line};
      case '#':
        skip_line();
        break;
      case '"':
      case '\'':
        return quoted(c);
      case '(':
        return {TokenKind::open};
      case ')':
        return {TokenKind::close};
      case '!':
        return following == '=' ? two(TokenKind::unequal) : Token{TokenKind::negation};
      case '=':
        return {TokenKind::equal};
      case '<':
        return following == '=' ? two(TokenKind::at_most) : Token{TokenKind::less};
      case '>':
        return following == '=' ? two(TokenKind::at_least) : Token{TokenKind::greater};
      case '&':
        if (following == '&') return two(TokenKind::conjunction);
        break;
      case '|':
        if (following == '|') return two(TokenKind::disjunction);
        break;
      case ':':
        if (following == '=') return two(TokenKind::colon_equal);
        break;
      case '+':
        if (following == '=') return two(TokenKind::plus_equal);
        break;
      default:
        break;  // conf ignores what it does not know, too
    }
  }
}

Token Lexer::word() {
  const std::size_t begin = at_;
  bool has_macro = false;
  while (at_ < text_.size()) {
    if (is_word_character(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '$') {
      has_macro = true;
      const bool reference = at_ + 1 < text_.size() && text_[at_ + 1] == '(';
      const std::size_t length = reference ? Macros::reference_length(text_.substr(at_)) : 1;
      if (length == 0) {  // never closed: the rest of the line is lost
        skip_line();
        break;
      }
      at_ += length;
    } else {
      break;
    }
  }
  const std::string_view raw = text_.substr(begin, at_ - begin);
  if (!has_macro) return {TokenKind::word, false, raw};
  Macros::Text text = macros_.expand(raw);
  if (text.opaque) return {TokenKind::word, true, raw};
  return {TokenKind::word, false, view(std::move(text.text))};
}

Token Lexer::quoted(char quote) {
  const std::size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\\' && text_[at_] != '$' &&
         text_[at_] != '\n')
    ++at_;
  if (at_ < text_.size() && text_[at_] == quote) {  // nearly all of them
    ++at_;
    return {TokenKind::quoted, false, text_.substr(begin, at_ - 1 - begin)};
  }
  std::string text(text_.substr(begin, at_ - begin));
  bool opaque = false;
  while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
      if (text_[at_ + 1] == '\n') ++line_;
      text += text_[at_ + 1];
      at_ += 2;
    } else if (text_.substr(at_).starts_with("$(")) {
      const std::size_t length = Macros::reference_length(text_.substr(at_));
      if (length == 0) {
        text += text_[at_++];
        continue;
      }
      Macros::Text expanded = macros_.expand(text_.substr(at_, length));
      opaque |= expanded.opaque;
      text += expanded.text;
      at_ += length;
    } else {
      text += text_[at_++];
    }
  }
  if (at_ < text_.size() && text_[at_] == quote) ++at_;
  return {TokenKind::quoted, opaque, view(std::move(text))};
}

std::string_view Lexer::rest_of_line() {
  skip_blanks();
  const std::size_t begin = at_;
  skip_line();
  std::string_view rest = text_.substr(begin, at_ - begin);
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

void Lexer::skip_line() {
  const std::size_t end = text_.find('\n', at_);
  at_ = end == std::string_view::npos ? text_.size() : end;
}

bool Lexer::at_assignment() const {
  std::size_t at = at_;
  while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
  const std::string_view rest = text_.substr(at);
  return rest.starts_with('=') || rest.starts_with(":=") || rest.starts_with("+=");
}

void Lexer::skip_help() {
  std::size_t first_column = 0;
  while (at_ < text_.size()) {
    std::size_t column = 0;
    std::size_t at = at_;
    for (; at < text_.size() && (text_[at] == ' ' || text_[at] == '\t'); ++at)
      column = text_[at] == '\t' ? (column & ~std::size_t{7}) + 8 : column + 1;
    const bool blank = at >= text_.size() || text_[at] == '\n' || text_[at] == '\r';
    if (!blank) {
      if (first_column == 0) first_column = column;
      if (column == 0 || column < first_column) return;
    }
    if (line_ended_) ++line_;
    line_ended_ = true;
    at_ = at;
    skip_line();
    if (at_ < text_.size()) ++at_;
  }
}

}  // namespace cg::kconfig
