#include "criu/log/log_text.h"

#include <fmt/format.h>

#include <algorithm>

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

std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }));
}

}  // namespace

Result<LogText> LogText::parse(std::string_view text, std::size_t least_letters) {
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
