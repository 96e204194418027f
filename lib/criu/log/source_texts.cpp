#include "criu/log/source_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace cg {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Where the literal that begins at `at` ends: behind its closing quote.
std::size_t end_of_literal(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

// Comments and preprocessor lines as blanks, so that places stay what they are.
std::string code_of(std::string_view source) {
  std::string code(source);
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < std::min(to, code.size()); ++i)
      if (code[i] != '\n') code[i] = ' ';
  };
  bool line_begins = true;
  for (std::size_t at = 0; at < code.size();) {
    const char c = code[at];
    if (c == '"' || c == '\'') {
      at = end_of_literal(code, at);
      line_begins = false;
    } else if (code.compare(at, 2, "/*") == 0) {
      const auto end = std::min(code.find("*/", at + 2), code.size());
      blank(at, end + 2);
      at = end + 2;
    } else if (code.compare(at, 2, "//") == 0) {
      const auto end = std::min(code.find('\n', at), code.size());
      blank(at, end);
      at = end;
    } else if (c == '#' && line_begins) {
      auto end = at;
      do end = std::min(code.find('\n', end + 1), code.size());
      while (end < code.size() && code[end - 1] == '\\');
      blank(at, end);
      at = end;
    } else {
      line_begins = c == '\n' || (line_begins && (c == ' ' || c == '\t'));
      ++at;
    }
  }
  return code;
}

// The joined literals at `at`, each name between them as "%s".
std::string format_at(std::string_view code, std::size_t at) {
  std::string format;
  bool literal_seen = false;
  std::string hole;
  while (at < code.size()) {
    const char c = code[at];
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (c == '"') {
      const auto end = end_of_literal(code, at);
      format += hole;
      hole.clear();
      format += code.substr(at + 1, end - at - 2);
      literal_seen = true;
      at = end;
    } else if (is_word(c)) {
      while (at < code.size() && is_word(code[at])) ++at;
      // PRIx64 belongs to the '%' before it, LOG_PREFIX and option names stand for words.
      hole = format.ends_with('%') ? "x" : "%s";
    } else {
      break;
    }
  }
  if (!literal_seen) return {};
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '\\' || i + 1 == format.size()) {
      text += format[i];
      continue;
    }
    const char escaped = format[++i];
    text += escaped == 'n' || escaped == 't' ? ' ' : escaped;
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

struct Call {
  std::string_view name;
  SourceText::Level level;
  bool with_errno;
};

constexpr std::array<Call, 8> calls{{
    {"pr_err", SourceText::Level::error, false},
    {"pr_err_once", SourceText::Level::error, false},
    {"pr_perror", SourceText::Level::error, true},
    {"loge", SourceText::Level::error, false},  // soccr's own
    {"logerr", SourceText::Level::error, true},
    {"pr_warn", SourceText::Level::warning, false},
    {"pr_warn_once", SourceText::Level::warning, false},
    {"pr_pwarn", SourceText::Level::warning, true},
}};

// The name in front of the first '(' of a line that begins a function at its first column.
std::string function_in(std::string_view line) {
  if (line.empty() || !is_word(line[0]) || line.ends_with(';')) return {};
  const auto open = line.find('(');
  if (open == line.npos || open == 0) return {};
  auto begin = open;
  while (begin > 0 && is_word(line[begin - 1])) --begin;
  return std::string(line.substr(begin, open - begin));
}

// What each of CRIU's programs calls its files: plugins are compiled in their own folder.
std::string name_in_logs(const std::string& name) {
  return name.starts_with("plugins/") ? name.substr(name.rfind('/') + 1) : name;
}

}  // namespace

LogLine SourceText::sample() const {
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const auto type = format.find_first_not_of("-+ #0123456789.*lhzjt", i + 1);
    if (type == format.npos) break;
    const char c = format[type];
    text += c == '%' ? "%" : c == 's' || c == 'm' ? "some" : c == 'c' ? "Z" : c == 'p' ? "0x42" : "42";
    i = type;
  }
  if (with_errno) text += ": No such file or directory";
  return {1, place, text, "", ""};
}

std::vector<SourceText> source_texts(std::string_view source, const std::string& name) {
  std::vector<SourceText> texts;
  const std::string code = code_of(source);
  std::string function = "?";
  std::size_t number = 0;
  for (std::size_t at = 0; at < code.size();) {
    const auto end = std::min(code.find('\n', at), code.size());
    const std::string_view line = std::string_view(code).substr(at, end - at);
    ++number;
    if (auto found = function_in(line); !found.empty()) function = std::move(found);
    for (std::size_t word = 0; word < line.size(); ++word) {
      if (line[word] == '"' || line[word] == '\'') {
        word = end_of_literal(line, word) - 1;
        continue;
      }
      if (!is_word(line[word]) || (word > 0 && is_word(line[word - 1]))) continue;
      auto after = word;
      while (after < line.size() && is_word(line[after])) ++after;
      const auto call = std::ranges::find(calls, line.substr(word, after - word), &Call::name);
      if (call == calls.end() || after == line.size() || line[after] != '(') continue;
      auto format = format_at(code, at + after + 1);
      if (!format.empty())
        texts.push_back({call->level, fmt::format("{}:{}", name_in_logs(name), number), function,
                         std::move(format), call->with_errno});
      word = after;
    }
    at = end + 1;
  }
  return texts;
}

}  // namespace cg
