// Existing images, ours and mke2fs's, changed and always clean; and left alone when they cannot be.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, std::string_view part) {
  return text.contains(part);
}
#define EXPECT_HOLDS(text, part) EXPECT_PRED2(contains, text, part)

class Inject : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    std::ofstream(path("new")) << "the new bytes\n";
    ASSERT_EQ(chmod(path("new").c_str(), 0640), 0);
  }
  std::string image(std::vector<std::string> more = {"--size", "auto+4M"}) {
    return image_of({{.path = "usr/sbin", .type = 'd', .mode = 0755},
                     {.path = "sbin", .type = 'l', .content = "usr/sbin"},
                     {.path = "etc/conf",
                      .content = std::string(20000, 'c'),
                      .mode = 0600,
                      .uid = 7,
                      .gid = 8,
                      .xattrs = {{"user.big", std::string(900, 'b')}}},
                     {.path = "etc/other", .type = 'h', .content = "etc/conf"},
                     {.path = "etc/single",
                      .content = std::string(9000, 's'),
                      .xattrs = {{"user.big", std::string(900, 'b')}}},
                     {.path = "out", .type = 'l', .content = "../../../etc"},
                     {.path = "away", .type = 'l', .content = "/usr"},
                     {.path = "loop", .type = 'l', .content = "loop"},
                     {.path = "pipe", .type = 'p'}},
                    std::move(more));
  }
  // The image is refused or does not fit: status 1, a message that holds `part`, the image byte for byte the
  // old one.
  void expect_refused(const std::string& image, const std::string& item, std::string_view part,
                      int status = 1) {
    const std::string before = bytes_of(image);
    const auto names = names_in(path(""));
    const auto outcome = rootfs_builder({"inject", image, item});
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_HOLDS(outcome.err, part);
    EXPECT_TRUE(bytes_of(image) == before);
    EXPECT_EQ(names_in(path("")), names);
  }
};

TEST_F(Inject, NewFilesGetParentsModeAndOwner) {
  const auto img = image();
  const auto outcome =
      rootfs_builder({"inject", img, text("new") + ":/a/b/c:4755:3:4", text("new") + ":/a/b/plain",
                      text("new") + ":/a/", text("new") + ":/etc"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(is_clean(img));
  EXPECT_EQ(debugfs(img, "cat /a/b/c"), "the new bytes\n");
  EXPECT_HOLDS(debugfs(img, "stat /a/b/c"), "Mode:  04755");
  EXPECT_HOLDS(debugfs(img, "stat /a/b/c"), "User:     3   Group:     4");
  EXPECT_HOLDS(debugfs(img, "stat /a/b/plain"), "Mode:  0640");
  EXPECT_HOLDS(debugfs(img, "stat /a/b"), "Mode:  0755");
  EXPECT_EQ(debugfs(img, "cat /a/new"), "the new bytes\n");
  EXPECT_EQ(debugfs(img, "cat /etc/new"), "the new bytes\n");
}

TEST_F(Inject, AReplacedFileGivesItsBlocksBack) {
  const auto img = image();
  ASSERT_EQ(rootfs_builder({"inject", img, text("new") + ":/etc/single"}).status, 0);
  EXPECT_TRUE(is_clean(img));
  EXPECT_EQ(debugfs(img, "cat /etc/single"), "the new bytes\n");
  EXPECT_EQ(debugfs(img, "ea_list /etc/single"), "");
  // Again and again: nothing leaks.
  const auto free_blocks = [&] { return rootfs_builder({"inspect", img}).out; };
  const std::string once = free_blocks();
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(rootfs_builder({"inject", img, text("new") + ":/etc/single"}).status, 0);
  EXPECT_EQ(free_blocks(), once);
}

TEST_F(Inject, AReplacedNameLeavesTheOtherNamesOfTheFile) {
  const auto img = image();
  ASSERT_EQ(rootfs_builder({"inject", img, text("new") + ":/etc/conf"}).status, 0);
  EXPECT_TRUE(is_clean(img));
  EXPECT_EQ(debugfs(img, "cat /etc/conf"), "the new bytes\n");
  EXPECT_HOLDS(debugfs(img, "stat /etc/conf"), "Mode:  0600");
  EXPECT_HOLDS(debugfs(img, "stat /etc/conf"), "User:     7   Group:     8");
  EXPECT_EQ(debugfs(img, "cat /etc/other"), std::string(20000, 'c'));
  EXPECT_HOLDS(debugfs(img, "stat /etc/other"), "Links: 1");
}

TEST_F(Inject, LinksAreFollowedInsideTheImageAndNeverOut) {
  const auto img = image();
  ASSERT_EQ(rootfs_builder({"inject", img, text("new") + ":/sbin/criu", text("new") + ":/out/escaped",
                            text("new") + ":/away/x/y"})
                .status,
            0);
  EXPECT_TRUE(is_clean(img));
  EXPECT_EQ(debugfs(img, "cat /usr/sbin/criu"), "the new bytes\n");
  EXPECT_EQ(debugfs(img, "cat /etc/escaped"), "the new bytes\n");
  EXPECT_EQ(debugfs(img, "cat /usr/x/y"), "the new bytes\n");
  EXPECT_FALSE(fs::exists("/etc/escaped"));
  expect_refused(img, text("new") + ":/loop/x", "loop");
}

TEST_F(Inject, ALinkToTheImageStaysALink) {
  const auto img = image();
  fs::create_symlink("image.img", path("link.img"));
  ASSERT_EQ(rootfs_builder({"inject", text("link.img"), text("new") + ":/x"}).status, 0);
  EXPECT_TRUE(fs::is_symlink(path("link.img")));
  EXPECT_EQ(debugfs(img, "cat /x"), "the new bytes\n");
}

TEST_F(Inject, WhatDoesNotFitLeavesTheImageAsItWas) {
  const auto img = image();
  std::string big(6 << 20, 'B');
  std::ofstream(path("big")) << big;
  expect_refused(img, text("big") + ":/usr/sbin/big", "/usr/sbin/big");
}

TEST_F(Inject, NonsenseIsRefused) {
  const auto img = image();
  expect_refused(img, text("new") + ":/pipe", "no regular file");
  expect_refused(img, text("new") + ":/etc/conf/below", "not a directory");
  expect_refused(img, text("new") + ":/" + std::string(256, 'n'), "255");
  expect_refused(img, text("missing") + ":/x", "missing", 3);
  expect_refused(img, text("new"), "SRC:DEST", 2);
  expect_refused(img, text("new") + ":/x:999", "octal", 2);
}

TEST_F(Inject, AFullDiskLeavesTheImageAsItWas) {
  const auto img = image();
  const std::string before = bytes_of(img);
  const auto names = names_in(path(""));
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{64 << 10, 64 << 10};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(rootfs_builder({"inject", img, text("new") + ":/x"}).status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_TRUE(bytes_of(img) == before);
  EXPECT_EQ(names_in(path("")), names);
}

TEST_F(Inject, ImagesInNeedOfRepairAreLeftAlone) {
  NEEDS_PROGRAM("debugfs");
  const auto change = [&](const std::string& img, const std::string& request) {
    (void)run({"debugfs", "-w", "-R", request, img});
  };
  auto img = image({"--size", "16M"});
  change(img, "feature needs_recovery");
  expect_refused(img, text("new") + ":/x", "journal");
  img = image();
  change(img, "ssv state 0");
  expect_refused(img, text("new") + ":/x", "cleanly");
  img = image();
  change(img, "ssv state 3");
  expect_refused(img, text("new") + ":/x", "damaged");
  img = image();
  change(img, "feature FEATURE_I31");
  expect_refused(img, text("new") + ":/x", "features");
  std::ofstream(path("no.img")) << std::string(100000, 'z');
  expect_refused(text("no.img"), text("new") + ":/x", "not an ext2");
}

class InjectIntoForeignImage : public Inject, public testing::WithParamInterface<const char*> {};

TEST_P(InjectIntoForeignImage, IsClean) {
  NEEDS_PROGRAM("mke2fs");
  fs::create_directories(path("tree/etc"));
  std::ofstream(path("tree/etc/conf")) << std::string(200000, 'c');
  std::ofstream(path("tree/etc/tiny")) << "t";
  std::vector<std::string> argv = {"mke2fs", "-q", "-F", "-d", text("tree")};
  std::istringstream options{std::string(GetParam())};
  for (std::string word; options >> word;) argv.push_back(word);
  argv.push_back(text("foreign.img"));
  argv.push_back("32M");
  const auto made = run(argv);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->status, 0) << made->err;
  std::ofstream(path("big"), std::ios::binary) << std::string(3 << 20, 'B');
  const auto outcome =
      rootfs_builder({"inject", text("foreign.img"), text("new") + ":/etc/conf", text("new") + ":/etc/tiny",
                      text("big") + ":/opt/x/big", text("new") + ":/lost+found/n"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(is_clean(path("foreign.img")));
  EXPECT_EQ(debugfs(path("foreign.img"), "cat /etc/conf"), "the new bytes\n");
  EXPECT_TRUE(debugfs(path("foreign.img"), "cat /opt/x/big") == std::string(3 << 20, 'B'));
}

INSTANTIATE_TEST_SUITE_P(Mke2fs, InjectIntoForeignImage,
                         testing::Values("-t ext4", "-t ext4 -b 1024", "-t ext4 -O ^metadata_csum",
                                         "-t ext4 -O ^64bit", "-t ext4 -O inline_data", "-t ext4 -O bigalloc",
                                         "-t ext4 -I 128", "-t ext3", "-t ext2",
                                         "-t ext4 -O ^has_journal,^dir_index"));

TEST_F(Inject, VerifyProvesWhichFileIsInTheImage) {
  const auto img = image();
  ASSERT_EQ(rootfs_builder({"inject", img, text("new") + ":/usr/bin/agent:755"}).status, 0);
  EXPECT_EQ(rootfs_builder({"verify", img, "--expect", text("new") + ":/usr/bin/agent:755"}).status, 0);
  std::ofstream(path("newer")) << "newer bytes\n";
  const auto stale = rootfs_builder({"verify", img, "--expect", text("newer") + ":/usr/bin/agent"});
  EXPECT_EQ(stale.status, 1);
  EXPECT_HOLDS(stale.out, "SHA-256");
  EXPECT_EQ(rootfs_builder({"verify", img, "--expect", text("new") + ":/usr/bin/agent:700"}).status, 1);
  EXPECT_EQ(rootfs_builder({"verify", img, "--expect", text("new") + ":/missing"}).status, 1);
  EXPECT_EQ(rootfs_builder({"verify", img, "--expect", text("none") + ":/usr/bin/agent"}).status, 3);
}

}  // namespace
}  // namespace cg
