// Numbers and words out of the kernel's text files, without copies.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cg::procfs {

// The whole of `text` as a number; nullopt when it is none, or too large.
template <class T>
std::optional<T> to_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Takes the next word, up to `separator`, off the front of `text`. Repeated blanks count as one.
inline std::string_view take_word(std::string_view& text, char separator = ' ') {
  while (!text.empty() && (text.front() == separator || (separator == ' ' && text.front() == '\t')))
    text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && text[end] != separator && !(separator == ' ' && text[end] == '\t')) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

// Takes the next line, without its newline, off the front of `text`.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace cg::procfs
