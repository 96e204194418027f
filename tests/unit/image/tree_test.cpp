#include "image/tree/tree.h"

#include <gtest/gtest.h>

namespace cg::image {
namespace {

Metadata file() {
  return {.type = NodeType::regular};
}
Metadata directory(std::uint32_t mode = 0755) {
  return {.type = NodeType::directory, .mode = mode};
}
Metadata link(std::string target) {
  return {.type = NodeType::symlink, .target = std::move(target)};
}

TEST(Tree, MakesParentsAndKeepsOrder) {
  Tree tree;
  ASSERT_TRUE(tree.add("./b/c/d", file()));
  ASSERT_TRUE(tree.add("/a", file()));
  std::vector<std::string> paths;
  tree.visit([&](const std::string& path, InodeIndex) { paths.push_back(path); });
  EXPECT_EQ(paths, (std::vector<std::string>{"/", "/a", "/b", "/b/c", "/b/c/d"}));
}

TEST(Tree, ADirectoryKeepsWhatIsInIt) {
  Tree tree;
  ASSERT_TRUE(tree.add("d/f", file()));
  ASSERT_TRUE(tree.add("d", directory(0700)));
  EXPECT_EQ(tree.find("d")->meta.mode, 0700U);
  EXPECT_NE(tree.find("d/f"), nullptr);
  EXPECT_FALSE(tree.add("d", file()));
}

TEST(Tree, LinksAreFollowedInsideTheTree) {
  Tree tree;
  ASSERT_TRUE(tree.add("usr/lib", directory()));
  ASSERT_TRUE(tree.add("lib", link("usr/lib")));
  ASSERT_TRUE(tree.add("up", link("../../usr")));
  ASSERT_TRUE(tree.add("lib/x", file()));
  ASSERT_TRUE(tree.add("up/lib/y", file()));
  EXPECT_NE(tree.find("usr/lib/x"), nullptr);
  EXPECT_NE(tree.find("usr/lib/y"), nullptr);
  // A package's directory entry for lib does not replace the link.
  ASSERT_TRUE(tree.add("lib", directory()));
  EXPECT_NE(tree.find("lib/x"), nullptr);
}

TEST(Tree, RefusesWhatCannotBe) {
  Tree tree;
  ASSERT_TRUE(tree.add("f", file()));
  ASSERT_TRUE(tree.add("loop", link("loop")));
  for (const char* path : {"f/x", "loop/x", "../x", "a/..", "/"}) {
    const auto added = tree.add(path, file());
    ASSERT_FALSE(added) << path;
    EXPECT_TRUE(added.error().message.contains(path)) << added.error().message;
  }
  EXPECT_FALSE(tree.add_hard_link("x", "missing"));
}

TEST(Tree, TheLastNameGoneTheFileIsAnOrphan) {
  Tree tree;
  int orphans = 0;
  tree.on_orphan([&](Inode&) { ++orphans; });
  ASSERT_TRUE(tree.add("a", file()));
  ASSERT_TRUE(tree.add_hard_link("b", "a"));
  ASSERT_TRUE(tree.add("a", file()));
  EXPECT_EQ(orphans, 0);
  ASSERT_TRUE(tree.remove("b"));
  EXPECT_EQ(orphans, 1);
  ASSERT_TRUE(tree.add_hard_link("a", "a"));
  EXPECT_EQ(tree.find("a")->names, 1U);
}

}  // namespace
}  // namespace cg::image
