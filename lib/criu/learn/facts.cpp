#include "criu/learn/facts.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace cg {
namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t';
}

// The word in front of `at`, without the blank between them.
std::string word_before(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end > 0 && text[end - 1] == ' ') --end;
  std::size_t begin = end;
  while (begin > 0 && is_name(text[begin - 1])) --begin;
  return std::string(text.substr(begin, end - begin));
}

}  // namespace

// "kerndat_x failed when initializing kerndat.", "kerndat_y has failed when …".
std::set<std::string> CriuFacts::start_up_probes() const {
  std::set<std::string> probes;
  for (const auto& text : texts) {
    const auto at = text.format.find("failed when initializing kerndat");
    if (at == text.format.npos) continue;
    std::string name = word_before(text.format, at);
    if (name == "has") name = word_before(text.format, text.format.rfind("has", at));
    if (!name.empty()) probes.insert(std::move(name));
  }
  return probes;
}

std::set<std::string> features_in_help(std::string_view help) {
  std::set<std::string> features;
  constexpr std::string_view mark = "only check a particular feature, one of:";
  const auto begin = help.find(mark);
  if (begin == help.npos) return features;
  const auto end = std::min(help.find("\n\n", begin), help.size());
  std::string word;
  for (const char c : std::string(help.substr(begin + mark.size(), end - begin - mark.size())) + " ") {
    if (is_name(c)) {
      word += c;
    } else if (!word.empty()) {
      features.insert(std::exchange(word, {}));
    }
  }
  return features;
}

std::vector<SourceText> texts_in_program(std::span<const std::string_view> sections) {
  constexpr std::pair<std::string_view, SourceText::Level> beginnings[] = {
      {"Error (%s:%d): ", SourceText::Level::error}, {"Warn  (%s:%d): ", SourceText::Level::warning}};
  std::vector<SourceText> texts;
  std::set<std::string> seen;
  for (const auto section : sections) {
    for (const auto& [mark, level] : beginnings) {
      for (auto at = section.find(mark); at != section.npos; at = section.find(mark, at + 1)) {
        const auto begin = at + mark.size();
        auto end = begin;
        while (end < section.size() && is_text(section[end])) ++end;
        std::string format(section.substr(begin, end - begin));
        while (format.ends_with('\n')) format.pop_back();
        if (format.empty() || !seen.insert(format).second) continue;
        texts.push_back({level, "", "?", std::move(format), false});
      }
    }
  }
  return texts;
}

std::set<std::string> missing_parts(const std::vector<SourceText>& texts) {
  std::set<std::string> parts;
  for (const auto& text : texts)
    for (const std::string_view mark : {"CRIU was built without ", "requires CRIU built with "}) {
      const auto at = text.format.find(mark);
      if (at == text.format.npos) continue;
      const auto begin = at + mark.size();
      auto end = begin;
      while (end < text.format.size() && is_name(text.format[end])) ++end;
      parts.insert(text.format.substr(begin, end - begin));
    }
  return parts;
}

}  // namespace cg
