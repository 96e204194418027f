#include "base/shown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace cg {
namespace {

// Of a sequence of several bytes: C1 controls, line and paragraph separators, and what turns the direction of
// writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069).
bool changes_the_line(std::string_view sequence) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(sequence[at]); };
  if (sequence.size() == 2) return (byte(0) == 0xc2 && byte(1) < 0xa0) || sequence == "\xd8\x9c";
  if (sequence.size() != 3 || byte(0) != 0xe2) return false;
  if (byte(1) == 0x80) return byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae);
  return byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
}

enum class LineEnds { shown, kept };

std::string escaped(std::string_view text, LineEnds line_ends) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (line_ends == LineEnds::kept && (first == '\n' || first == '\t'))
      out += text[0];
    else if (first == '\n')
      out += "\\n";
    else if (first == '\t')
      out += "\\t";
    else if (length == 0 || first < 0x20 || first == 0x7f)
      out += fmt::format("\\x{:02x}", first);
    else if (changes_the_line(text.substr(0, length)))
      for (std::size_t at = 0; at < length; ++at)
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::string shown(std::string_view text) {
  return escaped(text, LineEnds::shown);
}
std::string brief(std::string_view word) {
  constexpr std::size_t most = 60;
  std::size_t end = 0;
  std::size_t characters = 0;
  std::size_t kept = 0;
  while (end < word.size()) {
    if (characters < most) kept = end;
    end += std::max<std::size_t>(utf8_length(word.substr(end)), 1);
    if (++characters <= most) kept = end;
  }
  if (characters <= most) return shown(word);
  return fmt::format("{}... ({} characters)", shown(word.substr(0, kept)), characters);
}
std::string shown_lines(std::string_view text) {
  return escaped(text, LineEnds::kept);
}

}  // namespace cg
