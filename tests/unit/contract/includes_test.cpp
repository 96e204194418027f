// Which room of the house may look into which: every #include of lib, tools, lab, proof and demo against the
// table of docs/design.md, so that an arrow that runs back up is seen on the day it is drawn.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const fs::path house = CG_SOURCE_DIR;

bool lies_in(std::string_view file, std::string_view room) {
  return file.starts_with(room) && file.substr(room.size()).starts_with('/');
}

using Table = std::map<std::string, std::vector<std::string>, std::less<>>;

// Of docs/design.md: room -> rooms that it may include, each with all that is in it.
Table read_table() {
  Table table;
  const std::string page = read_file(house / "docs/design.md").value_or("");
  constexpr std::string_view mark = "```arrows\n";
  const auto begin = page.find(mark);
  if (begin == std::string::npos) return table;
  const std::string_view rest = std::string_view(page).substr(begin + mark.size());
  for (const auto line : split_lines(rest.substr(0, rest.find("```\n")))) {
    if (line.empty()) continue;
    auto words = split(line, ' ');
    auto& allowed = table[std::string(words[0])];
    for (std::size_t i = 2; i < words.size(); ++i) allowed.emplace_back(words[i]);
  }
  return table;
}

// The innermost room of the table that the file lies in, or "".
std::string room_of(const Table& table, std::string_view file) {
  std::string room;
  for (const auto& [name, allowed] : table)
    if (lies_in(file, name) && name.size() > room.size()) room = name;
  return room;
}

bool is_source(const fs::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h";
}

// As the compiler looks for it: beside the file, in the tool, the demo or the lab that it belongs to, in lib.
// A header that lies nowhere there is made by the build.
std::string find_included(const fs::path& file, const std::string& name) {
  std::vector<fs::path> places;
  for (fs::path above = file.parent_path(); !above.empty(); above = above.parent_path())
    places.push_back(above);
  places.insert(places.end(), {"lib", "demo"});
  for (const auto& place : places)
    if (fs::is_regular_file(house / place / name)) return (place / name).lexically_normal().string();
  return {};
}

// Of a room whose wings have lines of their own: every folder in it needs one, or it could look into all of
// them.
bool has_wings(const Table& table, std::string_view room) {
  return std::ranges::any_of(table, [&](const auto& line) { return lies_in(line.first, room); });
}

std::vector<fs::path> sources_below(const char* top) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(house / top))
    if (entry.is_regular_file() && is_source(entry.path()))
      files.push_back(fs::relative(entry.path(), house));
  std::ranges::sort(files);
  return files;
}

TEST(Includes, RunOneWay) {
  const Table table = read_table();
  std::size_t seen = 0;
  for (const char* const top : {"lib", "tools", "lab", "proof", "demo"})
    for (const auto& file : sources_below(top)) {
      const std::string room = room_of(table, file.string());
      EXPECT_NE(room, "") << file << " lies in no room of docs/design.md: give its folder a line";
      EXPECT_TRUE(file.parent_path() == room || !has_wings(table, room))
          << file << " lies in no wing of docs/design.md: give its folder a line beside the others of "
          << room;
      const auto text = read_file(house / file);
      ASSERT_TRUE(text) << text.error().message;
      for (const auto line : split_lines(*text)) {
        constexpr std::string_view start = "#include \"";
        if (!line.starts_with(start)) continue;
        const std::string name(line.substr(start.size(), line.find('"', start.size()) - start.size()));
        const std::string target = find_included(file, name);
        if (target.empty()) continue;
        ++seen;
        const auto allowed = table.find(room);
        const bool good =
            room_of(table, target) == room ||
            (allowed != table.end() && std::ranges::any_of(allowed->second, [&](const std::string& below) {
               return lies_in(target, below);
             }));
        EXPECT_TRUE(good) << file << " includes " << target << ": " << room << " may not look there";
      }
    }
  EXPECT_GT(seen, 800U) << "the includes were not found";
}

TEST(Folders, HoldNoMoreThanOneSees) {
  constexpr std::size_t most = 16;
  std::map<fs::path, std::set<fs::path>> rooms;  // a .cpp and its .h are one
  for (const char* const top : {"lib", "tools", "lab", "proof", "demo", "tests"})
    for (const auto& file : sources_below(top)) rooms[file.parent_path()].insert(file.stem());
  for (const auto& [folder, files] : rooms)
    EXPECT_LE(files.size(), most) << folder << ": make wings of it, by what they are about";
}

}  // namespace
}  // namespace cg
