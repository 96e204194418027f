#include "kconfig/macro.h"

#include <charconv>

namespace cg::kconfig {
namespace {

constexpr int deepest_expansion = 32;
constexpr std::size_t longest_expansion = 64 << 10;  // bytes

// The arguments of "name,one,two": split at the commas outside of parentheses.
std::vector<std::string_view> split_arguments(std::string_view inner) {
  std::vector<std::string_view> parts;
  int nesting = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < inner.size(); ++at) {
    if (inner[at] == '(') ++nesting;
    if (inner[at] == ')') --nesting;
    if (inner[at] == ',' && nesting == 0) {
      parts.push_back(inner.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  parts.push_back(inner.substr(begin));
  return parts;
}

}  // namespace

struct Macros::Expansion {
  std::string text;
  bool opaque = false;
};

std::size_t Macros::reference_length(std::string_view text) {
  int nesting = 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '(') ++nesting;
    if (text[at] == ')' && --nesting == 0) return at + 1;
    if (text[at] == '\n') break;
  }
  return 0;
}

Macros::Text Macros::expand(std::string_view text) const {
  Expansion expansion;
  expand_into(expansion, text, {}, 0);
  if (expansion.opaque) return {std::string(text), true};
  return {std::move(expansion.text), false};
}

void Macros::expand_into(Expansion& expansion, std::string_view text,
                         const std::vector<std::string>& arguments, int depth) const {
  while (!text.empty() && !expansion.opaque) {
    const std::size_t dollar = text.find("$(");
    expansion.text += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return;
    text.remove_prefix(dollar);
    const std::size_t length = reference_length(text);
    // Too deep or too long is what a text does that expands to itself: as unknown as a shell's answer.
    if (length == 0 || depth > deepest_expansion || expansion.text.size() > longest_expansion) {
      expansion.opaque = true;
      return;
    }
    call(expansion, text.substr(2, length - 3), arguments, depth + 1);
    text.remove_prefix(length);
  }
}

void Macros::call(Expansion& expansion, std::string_view inner, const std::vector<std::string>& arguments,
                  int depth) const {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(inner.data(), inner.data() + inner.size(), number);
  if (error == std::errc() && end == inner.data() + inner.size() && number > 0 &&
      number <= arguments.size()) {
    expansion.text += arguments[number - 1];
    return;
  }
  std::vector<std::string> parts;
  for (const std::string_view part : split_arguments(inner)) {
    Expansion one;
    expand_into(one, part, arguments, depth);
    // An opaque argument makes the call opaque, even of error-if: nobody else can tell.
    if (one.opaque && parts.empty()) expansion.opaque = true;
    if (one.opaque) one.text = part;
    expansion.opaque |= one.opaque;
    parts.push_back(std::move(one.text));
  }
  const std::string name = parts.front();
  parts.erase(parts.begin());
  if (name == "error-if" || name == "warning-if" || name == "info") {  // they print, and expand to nothing
    expansion.opaque = false;
    return;
  }
  if (name == "shell" || expansion.opaque) {
    expansion.opaque = true;
    return;
  }
  if (const auto variable = variables_.find(name); variable != variables_.end()) {
    if (variable->second.opaque)
      expansion.opaque = true;
    else if (variable->second.recursive)
      expand_into(expansion, variable->second.value, parts, depth);
    else
      expansion.text += variable->second.value;
    return;
  }
  if (const auto found = environment_.find(name); found != environment_.end()) {
    expansion.text += found->second;
    return;
  }
  // A variable of the build's environment, such as CC_VERSION_TEXT: the build knew it, we do not.
  expansion.opaque = true;
}

void Macros::assign(std::string_view name, Assignment how, std::string_view value) {
  Variable& variable = variables_[std::string(name)];
  if (how == Assignment::append) {
    if (!variable.value.empty()) variable.value += ' ';
    variable.value += value;
    return;
  }
  variable.recursive = how == Assignment::recursive;
  variable.opaque = false;
  variable.value = value;
  if (variable.recursive) return;
  Text text = expand(value);
  variable.value = std::move(text.text);
  variable.opaque = text.opaque;
}

}  // namespace cg::kconfig
