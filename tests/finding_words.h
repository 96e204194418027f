// For the tests that hold the words of a list of findings against what kcheck explain knows.
#pragma once

#include <algorithm>
#include <regex>
#include <string>

#include "criu/log/knowledge.h"

namespace cg {

inline std::string with_holes_as(const std::string& text, const std::string& value) {
  return std::regex_replace(text, std::regex("\\{[a-z]+\\}"), value);
}

// The text is one of those that explain knows, or the beginning of one.
inline bool is_logged(const Knowledge& knowledge, const std::string& text) {
  const std::string line = with_holes_as(text, "7");
  const std::string beginning = with_holes_as(text, "#");
  return std::ranges::any_of(knowledge.causes, [&](const Cause& cause) {
    return std::ranges::any_of(cause.texts, [&](const LogText& known) {
      return known.find_in(line) || known.text().starts_with(beginning);
    });
  });
}

}  // namespace cg
