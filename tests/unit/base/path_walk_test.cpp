#include "base/path_walk.h"

#include <gtest/gtest.h>

#include <map>

#include "base/limits.h"

namespace cg {
namespace {

// Paths, and for links what they hold; "" is a directory, "-" a file.
struct Names {
  using Node = std::string;
  std::map<std::string, std::string> entries;
  mutable std::size_t asked = 0;

  Node root() const { return ""; }
  Result<Node> parent(const Node& directory) const {
    return directory.substr(0, directory.empty() ? 0 : directory.rfind('/'));
  }
  Result<std::optional<PathChild<Node>>> child(const Node& directory, std::string_view name) const {
    ++asked;
    const std::string path = directory + "/" + std::string(name);
    const auto found = entries.find(path);
    if (found == entries.end()) return std::nullopt;
    if (found->second.empty()) return PathChild<Node>{path, PathKind::directory, {}};
    if (found->second == "-") return PathChild<Node>{path, PathKind::other, {}};
    return PathChild<Node>{path, PathKind::link, found->second};
  }
};

const Names& tree() {
  static const Names names{.entries = {{"/a", ""},
                                       {"/a/b", ""},
                                       {"/a/b/file", "-"},
                                       {"/a/bc", ""},
                                       {"/a/bc/file", "-"},
                                       {"/a/up", "../../a/b"},
                                       {"/a/top", "/a/b/"},
                                       {"/a/here", "."},
                                       {"/loop", "loop"}}};
  return names;
}

std::string led_to(std::string_view path, LastLink last = LastLink::follow,
                   PathTrail<std::string>* trail = nullptr) {
  const auto end = walk_path(tree(), path, last, trail);
  if (!end) return end.error().message;
  std::string text = end->node;
  for (const auto& name : end->missing) text += " +" + name;
  return text;
}

TEST(PathWalk, LinksAreFollowedInsideTheTree) {
  EXPECT_EQ(led_to("a//./b/."), "/a/b");
  EXPECT_EQ(led_to("/a/up/file"), "/a/b/file");
  EXPECT_EQ(led_to("/a/top/file"), "/a/b/file");
  EXPECT_EQ(led_to("/a/here/here/b"), "/a/b");
  EXPECT_EQ(led_to("/a/here"), "/a");
  EXPECT_EQ(led_to("/a/up", LastLink::keep), "/a/up");
  EXPECT_EQ(led_to("../.."), "");
  EXPECT_EQ(led_to("/a/x/y"), "/a +x +y");
  EXPECT_TRUE(led_to("/a/x/../y").contains("'..' below 'x'"));
  EXPECT_TRUE(led_to("/a/b/file/x").contains("not a directory"));
  EXPECT_TRUE(led_to("/loop").contains("a loop"));
  EXPECT_TRUE(led_to(std::string(256, 'n')).contains("256"));
}

// Each link is eight times the one before: 8^30 steps by their depth, 40 by their number.
TEST(PathWalk, LinksAreCountedOverTheWholeWay) {
  Names bomb{.entries = {{"/l0", "."}}};
  for (int i = 1; i < 30; ++i) {
    std::string target;
    for (int times = 0; times < 8; ++times) target += "l" + std::to_string(i - 1) + "/";
    bomb.entries["/l" + std::to_string(i)] = target;
  }
  EXPECT_FALSE(walk_path(bomb, "/l29/file", LastLink::follow));
  EXPECT_LE(bomb.asked, limits::links + 1);
  // As many as are allowed, one after the other, and one more.
  std::string path;
  for (unsigned i = 0; i < limits::links; ++i) path += "a/here/../";
  EXPECT_EQ(led_to(path), "");
  EXPECT_TRUE(led_to(path + "a/here").contains("too many symbolic links"));
}

TEST(PathWalk, ATrailGivesTheSameAnswers) {
  PathTrail<std::string> trail;
  for (const char* path : {"/a/b/file", "/a/bc/file", "/a/b", "/a/bc", "/a/up/file", "/a/up/x", "/a/up",
                           "/a/up/.", "/a/here/b/file", "/a/here/bc/file", "/a/b/file/x", "/a/./b/file",
                           "/a/../a/b", "/", "", "/loop", "/a/b/file"})
    for (const LastLink last : {LastLink::follow, LastLink::keep})
      EXPECT_EQ(led_to(path, last, &trail), led_to(path, last)) << path;
}

// Of a walk over a whole tree, each from the root.
TEST(PathWalk, ATrailCostsOnlyWhatIsNew) {
  Names deep;
  std::string path;
  std::vector<std::string> paths;
  for (int i = 0; i < 1000; ++i) {
    deep.entries[path += "/d"] = "";
    paths.push_back(path);
  }
  PathTrail<std::string> trail;
  for (const auto& each : paths) EXPECT_EQ(walk_path(deep, each, LastLink::follow, &trail)->node, each);
  EXPECT_LE(deep.asked, 2 * paths.size());
  for (auto each = paths.rbegin(); each != paths.rend(); ++each)
    EXPECT_EQ(walk_path(deep, *each, LastLink::follow, &trail)->node, *each);
  EXPECT_LE(deep.asked, 4 * paths.size());
}

}  // namespace
}  // namespace cg
