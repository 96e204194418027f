// Little input that makes a walk long: links that name links, directories below each other without end. The
// time of each is bounded, so a test that fails here is one that hangs.
#include <chrono>

#include "base/file.h"
#include "hostile/hostile_case.h"

namespace cg {
namespace {

using Clock = std::chrono::steady_clock;

class Depth : public Hostile {
 protected:
  // Far from what it takes, and far from what the square of it would.
  void TearDown() override { EXPECT_LT(Clock::now() - start_, std::chrono::seconds(60)); }

 private:
  Clock::time_point start_ = Clock::now();
};

std::string times(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST_F(Depth, LinksThatNameLinks) {
  std::vector<TarEntry> entries;
  for (int i = 0; i < 30; ++i)
    entries.push_back({.path = "l" + std::to_string(i),
                       .type = 'l',
                       .content = i == 0 ? "." : times("l" + std::to_string(i - 1) + "/", 8)});
  // In an image and an initrd they may be; who follows them is told.
  ASSERT_EQ(create(entries).status, 0);
  EXPECT_TRUE(
      rootfs_builder({"cat", text("image.img"), "/l29/file"}).err.contains("too many symbolic links"));
  EXPECT_EQ(rootfs_builder({"verify", text("image.img")}).status, 0);
  ASSERT_EQ(create(entries, {"--form", "initrd"}).status, 0);
  EXPECT_TRUE(
      rootfs_builder({"cat", text("image.img"), "/l29/file"}).err.contains("too many symbolic links"));
  std::filesystem::remove(path("image.img"));
  entries.push_back({.path = "l29/file"});
  expect_refused(entries, "l29/file");
  // 41 links side by side count as well.
  entries = {{.path = "d", .type = 'd'}, {.path = "d/l", .type = 'l', .content = "."}};
  entries.push_back({.path = "d/" + times("l/", 41) + "file"});
  expect_refused(entries, "too many symbolic links");
}

TEST_F(Depth, AWhiteoutOverDirectoriesWithoutEnd) {
  write_tar_file(path("1.tar"), {{.path = times("a/", 8000) + "f"}, {.path = "kept"}});
  write_tar_file(path("2.tar"), {{.path = ".wh.a"}});
  const auto made =
      rootfs_builder({"create", "--from", text("1.tar"), "--from", text("2.tar"), "-o", text("image.img")});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"1.tar", "2.tar", "image.img"}));
}

TEST_F(Depth, DirectoriesWithoutEndAreRefused) {
  expect_refused({{.path = times("a/", 150000) + "f"}}, "a path of more than 16384 bytes");
  // The text is not too long, but what it leads to is.
  const std::string deep = times("abcdefg/", 500);
  expect_refused({{.path = times(deep, 4), .type = 'd'},
                  {.path = "link", .type = 'l', .content = deep},
                  {.path = "link/" + times(deep, 3) + "abcdefg/more", .type = 'd'},
                  {.path = "link/" + times(deep, 3) + times("more/", 80), .type = 'd'}},
                 "a path of more than 16384 bytes");
}

// As a kernel makes them, one from the inside of the other.
TEST_F(Depth, AnImageWithDirectoriesWithoutEnd) {
  NEEDS_PROGRAM("debugfs");
  ASSERT_EQ(create({{.path = "kept"}}, {"--size", "32M"}).status, 0);
  const std::string name(255, 'n');
  std::string commands;
  for (int i = 0; i < 70; ++i) commands += "mkdir " + name + "\ncd " + name + "\n";
  ASSERT_TRUE(write_file_atomically(path("commands"), commands));
  ASSERT_TRUE(run_checked({"debugfs", "-w", "-f", text("commands"), text("image.img")}));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"ls", "-R", text("image.img")},
        {"extract", text("image.img"), "-o", text("out")},
        {"extract", text("image.img"), "-o", text("out.tar")},
        {"convert", text("image.img"), "--form", "erofs", "-o", text("other.img")}}) {
    const auto before = names_in(path(""));
    const auto outcome = rootfs_builder(words);
    EXPECT_EQ(outcome.status, 1) << words[0];
    EXPECT_TRUE(outcome.err.contains("path has more than 16384 bytes")) << outcome.err;
    EXPECT_EQ(names_in(path("")), before);
  }
  const auto removed = rootfs_builder({"remove", "-r", text("image.img"), "/" + name});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(rootfs_builder({"ls", "-R", text("image.img")}).status, 0);
}

TEST_F(Depth, WalkingATreeOfManyLevels) {
  const std::string deep = times("d/", 3000);
  ASSERT_EQ(create({{.path = deep + "end", .content = "deep"}}).status, 0);
  ASSERT_TRUE(is_clean(path("image.img")));
  EXPECT_TRUE(rootfs_builder({"ls", "-R", text("image.img")}).out.contains(deep + "end"));
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), deep + "end"}).out, "deep");
  EXPECT_EQ(rootfs_builder({"verify", text("image.img")}).status, 0);
  const auto removed = rootfs_builder({"remove", text("image.img"), "/d", "-r"});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_TRUE(is_clean(path("image.img")));
}

// Each of them includes all of them: read every time they are met, n^n files.
TEST_F(Depth, ConfigurationFilesThatIncludeEachOther) {
  std::vector<TarEntry> entries = {
      {.path = "etc/ld.so.conf", .content = "include /etc/ld.so.conf.d/*.conf\n"},
      {.path = "bin/sh", .content = bytes_of("/bin/sh"), .mode = 0755}};
  for (int i = 0; i < 12; ++i)
    entries.push_back({.path = "etc/ld.so.conf.d/" + std::to_string(i) + ".conf",
                       .content = "include /etc/ld.so.conf.d/*.conf\n/opt/lib\n"});
  ASSERT_EQ(create(entries).status, 0);
  const auto missing = rootfs_builder({"verify", text("image.img")});
  EXPECT_EQ(missing.status, 1) << missing.err;  // a shell without its libraries
  EXPECT_TRUE((missing.out + missing.err).contains("libc.so.6")) << missing.out << missing.err;
  // What names more than anybody has is refused.
  entries.front().content.clear();
  for (int i = 0; i < 10001; ++i) entries.front().content += "/" + std::to_string(i) + "\n";
  ASSERT_EQ(create(entries).status, 0);
  const auto refused = rootfs_builder({"verify", text("image.img")});
  EXPECT_EQ(refused.status, 3) << refused.err;
  EXPECT_TRUE((refused.out + refused.err).contains("more than 10000 directories"))
      << refused.out << refused.err;
}

}  // namespace
}  // namespace cg
