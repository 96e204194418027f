#include "criu/learn/source_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

bool is_of_interest(const std::string& name) {
  if (!name.ends_with(".c") && !name.ends_with(".h")) return false;
  constexpr std::array<std::string_view, 6> others = {"/test/",     "/tests/",         "compel/src/main",
                                                      "handle-elf", "compel/include/", "lib/py"};
  return std::ranges::none_of(others, [&](std::string_view other) { return name.find(other) != name.npos; });
}

// Regular files below `part`, as seen from the tree, sorted.
std::vector<std::string> files_below(const fs::path& tree, const char* part) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator at(tree / part, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file(error)) names.push_back(fs::relative(at->path(), tree).string());
  std::ranges::sort(names);
  return names;
}

}  // namespace

// "CRIU_VERSION_MAJOR := 4" and its like.
std::string criu_source_version(const fs::path& tree) {
  const std::string text = read_file(tree / "Makefile.versions").value_or("");
  std::string version;
  for (const char* part : {"MAJOR", "MINOR", "SUBLEVEL"})
    for (const auto line : split_lines(text))
      if (line.starts_with(fmt::format("CRIU_VERSION_{}", part))) {
        const auto number = trim(line.substr(line.find('=') + 1));
        if (!number.empty()) version += (version.empty() ? "" : ".") + std::string(number);
      }
  return version.empty() ? tree.filename().string() : version;
}

Result<std::vector<SourceText>> criu_source_texts(const fs::path& tree) {
  std::vector<std::string> names;
  for (const char* part : {"criu", "compel", "soccr", "plugins", "lib/c"})
    for (auto& name : files_below(tree, part)) names.push_back(std::move(name));
  std::ranges::sort(names);
  if (names.empty()) return cannot(fmt::format("{}: no source tree of CRIU", tree.string()));
  std::vector<SourceText> texts;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& name : names) {
    if (!is_of_interest(name)) continue;
    CG_TRY(source, read_file(tree / name));
    for (auto& text : source_texts(source, name))
      if (seen.emplace(name, text.format).second) texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<std::string> readers_of_option(const fs::path& tree, const std::string& name) {
  std::string field = "opts." + name;
  std::ranges::replace(field, '-', '_');
  std::vector<std::string> readers;
  for (const auto& file : files_below(tree, "criu")) {
    if (!file.ends_with(".c") || file == "criu/config.c" || file == "criu/cr-service.c") continue;
    const std::string text = read_file(tree / file).value_or("");
    for (auto at = text.find(field); at != text.npos; at = text.find(field, at + 1)) {
      const char behind = at + field.size() < text.size() ? text[at + field.size()] : ' ';
      if (std::string_view("abcdefghijklmnopqrstuvwxyz0123456789_").contains(behind)) continue;
      readers.push_back(file);
      break;
    }
  }
  return readers;
}

}  // namespace cg
