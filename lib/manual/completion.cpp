#include "manual/completion.h"

#include <algorithm>

namespace cg::manual {
namespace {

bool same(const std::vector<Entry>& one, const std::vector<Entry>& other) {
  return std::ranges::equal(one, other, {}, &Entry::name, &Entry::name);
}

}  // namespace

NameLists::NameLists(const CommandLine& line) {
  for (const auto* words : {&line.words, &line.options, &line.shared}) add(*words);
  for (const auto& command : line.commands)
    for (const auto* words : {&command.words, &command.options}) add(*words);
}

void NameLists::add(const std::vector<Word>& words) {
  for (const auto& word : words)
    if (!word.known.empty() &&
        std::ranges::none_of(lists_, [&](const auto& list) { return same(list, word.known); }))
      lists_.push_back(word.known);
}

std::size_t NameLists::number_of(const Word& word) const {
  const auto found = std::ranges::find_if(lists_, [&](const auto& list) { return same(list, word.known); });
  return static_cast<std::size_t>(found - lists_.begin());
}

std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

std::string identifier(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace cg::manual
