// Input made to do harm: always one clear error or a clean image, never a crash or a file left behind.
#include <fstream>
#include <random>

#include "base/process.h"
#include "hostile/hostile_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

TEST_F(Hostile, AbsolutePathsStayInTheImage) {
  ASSERT_EQ(create({{.path = "/criu-guest-test-absolute/file", .content = "in"}}).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(debugfs(path("image.img"), "cat /criu-guest-test-absolute/file"), "in");
  EXPECT_FALSE(fs::exists("/criu-guest-test-absolute"));
}

TEST_F(Hostile, DotDotIsRefused) {
  expect_refused({{.path = "../escape"}}, "../escape");
  expect_refused({{.path = "a/../../escape"}}, "a/../../escape");
  expect_refused({{.path = "a"}, {.path = "b", .type = 'h', .content = "../etc/passwd"}}, "..");
}

TEST_F(Hostile, EntriesBelowOtherThings) {
  expect_refused({{.path = "file"}, {.path = "file/below"}}, "file/below");
  expect_refused({{.path = "link", .type = 'l', .content = "/nowhere"}, {.path = "link/below"}},
                 "link/below");
  expect_refused({{.path = "link", .type = 'l', .content = "link"}, {.path = "link/below"}}, "link/below");
  expect_refused({{.path = "dir/inside"}, {.path = "dir"}}, "dir");
  // A link to a directory of the image is followed; one that points out of it ends at the image's root.
  ASSERT_EQ(create({{.path = "etc", .type = 'd', .mode = 0755},
                    {.path = "out", .type = 'l', .content = "../../../../etc"},
                    {.path = "out/criu-guest-hostile", .content = "in"}})
                .status,
            0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(debugfs(path("image.img"), "cat /etc/criu-guest-hostile"), "in");
  EXPECT_FALSE(fs::exists("/etc/criu-guest-hostile"));
}

TEST_F(Hostile, NamesAndLinks) {
  expect_refused({{.path = "dir/" + std::string(256, 'n')}}, "255");
  ASSERT_EQ(create({{.path = std::string(255, 'n')}}).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  fs::remove(path("image.img"));
  expect_refused({{.path = "b", .type = 'h', .content = "missing"}}, "missing");
  expect_refused({{.path = "d", .type = 'd'}, {.path = "b", .type = 'h', .content = "d"}}, "directory");
  expect_refused({{.path = "l", .type = 'l', .content = std::string(4096, 't')}}, "4096");
  expect_refused({{.path = "lost+found", .content = "x"}}, "lost+found");
  expect_refused({{.path = "x", .xattrs = {{"user.big", std::string(5000, 'b')}}}}, "user.big");
}

TEST_F(Hostile, DuplicatesTheLastOneWins) {
  std::vector<TarEntry> entries(200, {.path = "same", .content = std::string(30000, 'x')});
  entries.push_back({.path = "same", .content = "last"});
  entries.push_back({.path = "kind", .content = "file"});
  entries.push_back({.path = "kind", .type = 'd', .mode = 0711});
  entries.push_back({.path = "kind", .type = 'l', .content = "same"});
  ASSERT_EQ(create(entries).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(debugfs(path("image.img"), "cat /same"), "last");
  EXPECT_TRUE(debugfs(path("image.img"), "stat /kind").contains("Fast link dest: \"same\""));
}

TEST_F(Hostile, DeepPathsAreNoProblem) {
  std::string deep;
  for (int i = 0; i < 400; ++i) deep += "d/";
  ASSERT_EQ(create({{.path = deep + "end", .content = "deep"}}).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), deep + "end"}).out, "deep");
}

TEST_F(Hostile, TruncatedAndForeignArchives) {
  write_tar_file(path("whole.tar"), {{.path = "a", .content = std::string(100000, 'a')},
                                     {.path = "b", .content = std::string(100000, 'b')}});
  write_tar_file(path("whole.tar.xz"), {{.path = "a", .content = std::string(100000, 'a')}}, "xz");
  const std::string whole = bytes_of(path("whole.tar"));
  const std::string packed = bytes_of(path("whole.tar.xz"));
  const auto names = [&] { return names_in(path("")); };
  const auto before = names();
  const auto refused_input = [&](const std::string& bytes, const std::string& what) {
    std::ofstream(path("whole.tar"), std::ios::binary | std::ios::trunc) << bytes;
    const auto outcome = rootfs_builder({"create", "--from", text("whole.tar"), "-o", text("image.img")});
    EXPECT_EQ(outcome.status, 1) << what << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.contains("whole.tar")) << outcome.err;
    EXPECT_EQ(names(), before) << what;
  };
  refused_input(whole.substr(0, whole.size() / 2), "half a tar");
  refused_input(whole.substr(0, 700), "less than a header");
  refused_input(packed.substr(0, packed.size() / 2), "half an xz");
  refused_input("", "nothing");
  refused_input(std::string(100000, 'z'), "no tar");
  refused_input("hello\n", "a text");
  std::string absurd = whole;
  // An octal size of 8 GiB in a small file; the header's checksum is made right again.
  absurd.replace(124, 12, std::string("77777777777\0", 12));
  unsigned sum = 0;
  for (int i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(absurd[static_cast<std::size_t>(i)]);
  char field[9];
  std::snprintf(field, sizeof field, "%06o", sum);
  absurd.replace(148, 8, std::string(field, 6) + std::string("\0 ", 2));
  refused_input(absurd, "an absurd size");
}

TEST_F(Hostile, DamagedArchivesNeverCrash) {
  std::vector<TarEntry> entries;
  for (int i = 0; i < 6; ++i)
    entries.push_back({.path = "dir" + std::to_string(i % 2) + "/file" + std::to_string(i),
                       .content = std::string(static_cast<std::size_t>(i) * 900, 'x'),
                       .xattrs = {{"user.a", "b"}}});
  entries.push_back({.path = "dir0/link", .type = 'l', .content = "file0"});
  entries.push_back({.path = "dir0/hard", .type = 'h', .content = "dir0/file2"});
  write_tar_file(path("good.tar"), entries);
  const std::string good = bytes_of(path("good.tar"));
  std::mt19937 random(4);
  int made = 0;
  for (int round = 0; round < 200; ++round) {
    std::string bad = good;
    for (unsigned i = 0; i < 1 + random() % 8; ++i) bad[random() % bad.size()] = static_cast<char>(random());
    std::ofstream(path("good.tar"), std::ios::binary | std::ios::trunc) << bad;
    const auto outcome =
        rootfs_builder({"create", "--from", text("good.tar"), "-o", text("image.img"), "--size", "8M"});
    if (outcome.status == 0) {
      if (made++ % 10 == 0) {
        EXPECT_TRUE(is_clean(path("image.img"))) << round;
      }
      fs::remove(path("image.img"));
    }
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1 || outcome.status == 3) << outcome.status;
    ASSERT_EQ(names_in(path("")), std::vector<std::string>{"good.tar"}) << round;
  }
}

TEST_F(Hostile, DamagedImagesNeverCrashAndAreNotMadeWorse) {
  ASSERT_EQ(create({{.path = "etc/conf", .content = std::string(50000, 'c')},
                    {.path = "link", .type = 'l', .content = std::string(80, 'l')},
                    {.path = "sbin", .type = 'l', .content = "etc"}})
                .status,
            0);
  const std::string good = bytes_of(path("image.img"));
  std::ofstream(path("new")) << "new";
  std::mt19937 random(5);
  for (int round = 0; round < 150; ++round) {
    std::string bad = good;
    for (unsigned i = 0; i < 1 + random() % 20; ++i) {
      // Half of the damage hits the superblock and the descriptors.
      const std::size_t at = random() % 2 ? 1024 + random() % 8192 : random() % bad.size();
      bad[at] = static_cast<char>(random());
    }
    std::ofstream(path("image.img"), std::ios::binary | std::ios::trunc) << bad;
    for (const auto& args : std::vector<std::vector<std::string>>{{"inspect", text("image.img")},
                                                                  {"ls", "-R", text("image.img")},
                                                                  {"cat", text("image.img"), "/etc/conf"}}) {
      const auto outcome = rootfs_builder(args);
      EXPECT_TRUE(outcome.status == 0 || outcome.status == 1 || outcome.status == 3) << outcome.status;
    }
    const auto outcome = rootfs_builder({"inject", text("image.img"), text("new") + ":/sbin/new"});
    if (outcome.status != 0) {
      EXPECT_TRUE(bytes_of(path("image.img")) == bad) << round;
    }
    ASSERT_EQ(names_in(path("")), (std::vector<std::string>{"image.img", "input.tar", "new"})) << round;
  }
}

}  // namespace
}  // namespace cg
