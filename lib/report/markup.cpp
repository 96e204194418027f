#include "report/markup.h"

#include "base/text.h"

namespace cg {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

// U+FFFE and U+FFFF are UTF-8, but not allowed in XML.
bool is_no_character(std::string_view sequence) {
  return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t length = utf8_length(text);
    const bool control = c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r';
    if (length == 0 || control || is_no_character(text.substr(0, length))) {
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
