#include "base/path_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"

namespace cg {
namespace {

// Where the next component of `text` starts, from the end of one or from the front on.
std::size_t skip(std::string_view text, std::size_t at) {
  for (; at < text.size(); ++at) {
    if (text[at] == '/') continue;
    if (text[at] == '.' && (at + 1 == text.size() || text[at + 1] == '/')) continue;
    break;
  }
  return at;
}

std::string_view component(std::string_view text, std::size_t at) {
  return text.substr(at, text.find('/', at) - at);
}

}  // namespace

PathParts::PathParts(std::string_view path, std::size_t at, unsigned links)
    : path_(path), at_(skip(path, at)), links_(links) {}

std::string PathParts::next() {
  const bool on_path = targets_.empty();
  const std::string_view text = on_path ? path_ : std::string_view(targets_.back().first);
  std::size_t& at = on_path ? at_ : targets_.back().second;
  std::string name(component(text, at));
  at = skip(text, at + name.size());
  if (!on_path && at == text.size()) targets_.pop_back();
  return name;
}

Result<void> PathParts::follow(std::string target) {
  target_bytes_ += target.size();
  if (++links_ > limits::links || target_bytes_ > limits::link_bytes)
    return refused(fmt::format("{}: too many symbolic links on the way, more than {}; perhaps a loop", path_,
                               limits::links));
  const std::size_t at = skip(target, 0);
  if (at < target.size()) targets_.emplace_back(std::move(target), at);
  return {};
}

Result<void> PathParts::check(const std::string& name) const {
  if (name.size() <= limits::name_bytes) return {};
  return refused(
      fmt::format("{}: a name of {} bytes; the most is {}", path_, name.size(), limits::name_bytes));
}

std::unexpected<Error> PathParts::below_a_file(const std::string& name) const {
  return refused(fmt::format("{}: '{}' lies below something that is not a directory", path_, name));
}

Result<std::vector<std::string>> PathParts::missing(const std::string& name) {
  std::vector<std::string> names{name};
  while (!empty()) {
    names.push_back(next());
    if (names.back() == "..")
      return refused(fmt::format("{}: '..' below '{}', which does not exist", path_, name));
  }
  return names;
}

std::size_t last_component(std::string_view path) {
  for (;;) {
    while (path.ends_with('/')) path.remove_suffix(1);
    const std::size_t start = path.rfind('/') + 1;  // none: npos + 1 is 0
    if (path.substr(start) != ".") return start;
    path = path.substr(0, start);
  }
}

std::size_t common_bytes(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace cg
