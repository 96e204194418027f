#include "procfs/mountinfo.h"

#include <fmt/format.h>

#include "procfs/scan.h"

namespace cg::procfs {
namespace {

// The kernel writes blank, tab, newline, backslash and # as a backslash and three octal digits.
std::string unescaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digits = text[at] == '\\' ? to_number<unsigned>(text.substr(at + 1, 3), 8) : std::nullopt;
    if (digits && at + 3 < text.size() && *digits < 256) {
      result += static_cast<char>(*digits);
      at += 3;
    } else {
      result += text[at];
    }
  }
  return result;
}

bool parse_tag(std::string_view word, std::string_view name, int& value) {
  if (!word.starts_with(name)) return false;
  const auto number = to_number<int>(word.substr(name.size()));
  if (number) value = *number;
  return number.has_value();
}

bool parse_device(std::string_view word, Mount& mount) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return false;
  const auto major = to_number<unsigned>(word.substr(0, colon));
  const auto minor = to_number<unsigned>(word.substr(colon + 1));
  if (!major || !minor) return false;
  mount.major = *major;
  mount.minor = *minor;
  return true;
}

bool parse_line(std::string_view line, Mount& mount) {
  const auto id = to_number<int>(take_word(line));
  const auto parent = to_number<int>(take_word(line));
  if (!id || !parent || !parse_device(take_word(line), mount)) return false;
  mount.id = *id;
  mount.parent = *parent;
  mount.root = unescaped(take_word(line));
  mount.mountpoint = unescaped(take_word(line));
  mount.options = take_word(line);
  for (;;) {
    const std::string_view word = take_word(line);
    if (word.empty()) return false;
    if (word == "-") break;
    if (word == "unbindable") mount.unbindable = true;
    // Tags that a later kernel adds are not ours to judge.
    (void)(parse_tag(word, "shared:", mount.shared) || parse_tag(word, "master:", mount.master) ||
           parse_tag(word, "propagate_from:", mount.propagate_from));
  }
  mount.type = take_word(line);
  if (line.starts_with("  ")) {  // an empty source, as a mount(2) with "" makes one
    mount.super_options = take_word(line);
  } else {
    mount.source = unescaped(take_word(line));
    mount.super_options = take_word(line);
  }
  return !mount.root.empty() && !mount.mountpoint.empty() && !mount.type.empty();
}

}  // namespace

Result<std::vector<Mount>> parse_mountinfo(std::string_view text, const std::string& name) {
  std::vector<Mount> mounts;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    Mount mount;
    if (!parse_line(line, mount))
      return refused(
          fmt::format("{}:{}: not a line of a mountinfo file: '{}'", name, number, line.substr(0, 120)));
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

bool is_path_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace cg::procfs
