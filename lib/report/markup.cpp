#include "report/markup.h"

namespace cg {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

// The length of the UTF-8 sequence that `text` begins with; 0 when it is none (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xf0 && first < 0xf5 ? 4
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xc2 && first < 0xe0 ? 2
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  if (length > 1) {
    const auto second = static_cast<unsigned char>(text[1]);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f))
      return 0;  // too long; surrogates
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    if (first == 0xef && second == 0xbf && static_cast<unsigned char>(text[2]) >= 0xbe)
      return 0;  // U+FFFE, U+FFFF
  }
  return length;
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t length = sequence_length(text);
    const bool control = c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r';
    if (length == 0 || control) {
      out += replacement;
      text.remove_prefix(1);
      continue;
    }
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace cg
