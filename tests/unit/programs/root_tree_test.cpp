#include "programs/root_tree.h"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class FileTreeTest : public testing::Test {
 protected:
  FileTreeTest() : tree_(directory_.path()) {
    fs::create_directories(directory_.path() / "usr/lib");
    fs::create_directory(directory_.path() / "etc");
    fs::create_symlink("usr/lib", directory_.path() / "lib");
    fs::create_symlink("/usr/lib/real", directory_.path() / "etc/absolute");
    fs::create_symlink("../../../../usr/lib/real", directory_.path() / "etc/climbing");
    fs::create_symlink("loop", directory_.path() / "loop");
    fs::create_symlink("nowhere/at/all", directory_.path() / "dangling");
    std::ofstream(directory_.path() / "usr/lib/real") << "bytes";
  }
  std::string path_of(std::string_view path) {
    const auto found = resolve(tree_, path);
    return found ? found->path + (found->entry ? "" : " (missing)") : found.error().message;
  }
  TemporaryDirectory directory_;
  HostTree tree_;
};

TEST_F(FileTreeTest, LinksAreFollowedInsideTheTree) {
  EXPECT_EQ(path_of("/lib/real"), "/usr/lib/real");
  EXPECT_EQ(path_of("lib//./real"), "/usr/lib/real");
  EXPECT_EQ(path_of("/etc/absolute"), "/usr/lib/real");
  EXPECT_EQ(path_of("/etc/climbing"), "/usr/lib/real");
  EXPECT_EQ(path_of("/../../etc"), "/etc");
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/lib/new/file"), "/usr/lib/new/file (missing)");
  EXPECT_EQ(path_of("/dangling"), "/nowhere/at/all (missing)");
  EXPECT_EQ(resolve(tree_, "/lib", LastLink::keep)->path, "/lib");
  EXPECT_NE(path_of("/loop").find("too many"), std::string::npos);
  EXPECT_NE(path_of("/lib/real/below").find("not a directory"), std::string::npos);
}

TEST_F(FileTreeTest, ALayerLiesOverTheTree) {
  const fs::path source = directory_.path() / "source";
  std::ofstream(source) << "new";
  LayeredTree layer(tree_);
  ASSERT_TRUE(layer.add("/usr/lib/deep/er/file", source));
  ASSERT_TRUE(layer.add("/usr/lib/real", source));
  ASSERT_TRUE(layer.add_link("/lib64", "usr/lib"));
  EXPECT_EQ(layer.read("/usr/lib/real", UINT64_MAX).value(), "new");
  EXPECT_EQ(layer.read("/usr/lib/real", 2).value(), "ne");
  EXPECT_EQ(resolve(layer, "/lib64/deep/er/file")->path, "/usr/lib/deep/er/file");
  EXPECT_EQ(layer.names("/usr/lib").value(), (std::vector<std::string>{"deep", "real"}));
  EXPECT_EQ(layer.names("/usr/lib/deep").value(), (std::vector<std::string>{"er"}));
  EXPECT_EQ(*layer.source_of("/usr/lib/real"), source);
  EXPECT_EQ(layer.source_of("/etc/absolute"), nullptr);
  EXPECT_FALSE(layer.add("/x", directory_.path() / "absent"));
}

}  // namespace
}  // namespace cg
