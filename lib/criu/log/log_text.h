// A text with holes, as recipes/criu-log.toml has them: '*' stands for any text, '#' for a number
// (hexadecimal too); anything may stand before and behind it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

class LogText {
 public:
  // Refused with fewer letters than these: it would fit into too many other programs' logs.
  static constexpr std::size_t telling = 10;
  static Result<LogText> parse(std::string_view text, std::size_t least_letters = telling);
  // What stood in the holes, in order; nullopt when `line` has no such text.
  std::optional<std::vector<std::string>> find_in(std::string_view line) const;
  const std::string& text() const { return text_; }

 private:
  struct Piece {
    enum class Kind { literal, any, number } kind;
    std::string literal;
  };
  bool match(std::string_view line, std::size_t from, std::vector<std::string>& holes) const;
  std::vector<Piece> pieces_;
  std::string text_;
};

// `text` with {1}, {2}, … replaced by what stood in the holes; a missing one by "…".
std::string fill_holes(std::string_view text, const std::vector<std::string>& holes);

}  // namespace cg
