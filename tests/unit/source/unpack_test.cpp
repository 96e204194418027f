#include <gtest/gtest.h>
#include <sys/stat.h>

#include "make_archive.h"
#include "source/source.h"
#include "temporary_directory.h"

namespace cg {
namespace {
namespace fs = std::filesystem;
using Kind = Member::Kind;

class Unpack : public testing::Test {
 protected:
  Result<void> unpack(const std::vector<Member>& members, OutsideLinks links = OutsideLinks::refuse) {
    make_archive(archive_, members);
    return cg::unpack(archive_, tree_, 1, links);
  }
  // Nothing of a refused archive may be left, and nothing beside the tree may have been made.
  void expect_refused(const Result<void>& result, const std::string& reason) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::refused);
    EXPECT_NE(result.error().message.find(reason), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().message.find(archive_.string()), std::string::npos) << result.error().message;
    EXPECT_FALSE(fs::exists(tree_));
    EXPECT_FALSE(fs::exists(directory_.path() / "out" / ".tree.unpacking"));
    EXPECT_FALSE(fs::exists(directory_.path() / "escaped"));
    EXPECT_FALSE(fs::exists(directory_.path() / "out" / "escaped"));
  }

  TemporaryDirectory directory_;
  fs::path archive_ = directory_.path() / "a.tar.gz";
  fs::path tree_ = directory_.path() / "out" / "tree";
};

TEST_F(Unpack, StripsAndKeepsModesTimesAndLinks) {
  const auto done = unpack({{"top/", "", Kind::directory, 0755},
                            {"top/dir/run", "#!", Kind::file, 04755},
                            {"top/dir/link", "../file", Kind::symlink},
                            {"top/file", "text"},
                            {"top/hard", "top/file", Kind::hardlink}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(slurp(tree_ / "file"), "text");
  EXPECT_EQ(slurp(tree_ / "dir" / "link"), "text");
  EXPECT_TRUE(fs::equivalent(tree_ / "hard", tree_ / "file"));
  struct stat info {};
  ASSERT_EQ(stat((tree_ / "dir" / "run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755U);  // no setuid bit out of an archive
  EXPECT_EQ(info.st_mtime, 1700000000);
}

TEST_F(Unpack, DirectoryThatIsThereIsWholeAndStays) {
  spill(tree_ / "mine", "kept");
  ASSERT_TRUE(unpack({{"top/file", "text"}}));
  EXPECT_EQ(slurp(tree_ / "mine"), "kept");
  EXPECT_FALSE(fs::exists(tree_ / "file"));
}

TEST_F(Unpack, RemainsOfAnInterruptedRunAreNotTakenIn) {
  spill(directory_.path() / "out" / ".tree.unpacking" / "stale", "stale");
  ASSERT_TRUE(unpack({{"top/file", "text"}}));
  EXPECT_FALSE(fs::exists(tree_ / "stale"));
  EXPECT_EQ(slurp(tree_ / "file"), "text");
}

TEST_F(Unpack, AbsoluteName) {
  expect_refused(unpack({{"top/ok", "x"}, {"/tmp/escaped", "x"}}), "absolute");
}
TEST_F(Unpack, DotDot) {
  expect_refused(unpack({{"top/ok", "x"}, {"top/../../escaped", "x"}}), "leads out");
}
TEST_F(Unpack, Device) {
  expect_refused(unpack({{"top/null", "", Kind::device}}), "neither file");
}
TEST_F(Unpack, Fifo) {
  expect_refused(unpack({{"top/pipe", "", Kind::fifo}}), "neither file");
}
TEST_F(Unpack, AbsoluteSymlink) {
  expect_refused(unpack({{"top/l", "/etc/passwd", Kind::symlink}}), "symbolic link out");
}
TEST_F(Unpack, SymlinkUpAndOut) {
  expect_refused(unpack({{"top/d/l", "../../x", Kind::symlink}}), "symbolic link out");
}
TEST_F(Unpack, SymlinkToTheTopIsInside) {
  EXPECT_TRUE(unpack({{"top/d/l", "../x", Kind::symlink}}));
}
TEST_F(Unpack, HardLinkOut) {
  expect_refused(unpack({{"top/ok", "x"}, {"top/h", "../escaped", Kind::hardlink}}), "hard link out");
}
TEST_F(Unpack, AbsoluteHardLink) {
  expect_refused(unpack({{"top/ok", "x"}, {"top/h", "/etc/passwd", Kind::hardlink}}), "hard link out");
}

TEST_F(Unpack, OutsideLinkIsKeptOnRequest) {
  ASSERT_TRUE(unpack({{"top/l", "/usr/include/x.proto", Kind::symlink}, {"top/f", "x"}}, OutsideLinks::keep));
  EXPECT_EQ(fs::read_symlink(tree_ / "l"), "/usr/include/x.proto");
}

TEST_F(Unpack, KeptOutsideLinkIsNeverWrittenThrough) {
  fs::create_directories(directory_.path() / "victim");
  const auto done =
      unpack({{"top/l", (directory_.path() / "victim").string(), Kind::symlink}, {"top/l/escaped", "x"}},
             OutsideLinks::keep);
  EXPECT_TRUE(fs::is_empty(directory_.path() / "victim"));
  expect_refused(done, "");
}

TEST_F(Unpack, KeptOutsideLinkIsNotOverwrittenInPlace) {
  spill(directory_.path() / "victim", "precious");
  (void)unpack({{"top/l", (directory_.path() / "victim").string(), Kind::symlink}, {"top/l", "x"}},
               OutsideLinks::keep);
  EXPECT_EQ(slurp(directory_.path() / "victim"), "precious");
}

struct NoTar {
  const char* name;
  std::string bytes;
};
class UnpackRefuses : public Unpack, public testing::WithParamInterface<NoTar> {};

TEST_P(UnpackRefuses, WhatIsNoTar) {
  spill(archive_, GetParam().bytes);
  expect_refused(cg::unpack(archive_, tree_, 1), "not a tar archive");
}

INSTANTIATE_TEST_SUITE_P(Table, UnpackRefuses,
                         testing::Values(NoTar{"empty", ""},
                                         NoTar{"page", "<!DOCTYPE html><html>Not found</html>\n"},
                                         NoTar{"zeros", std::string(4096, '\0')},
                                         NoTar{"zip", "PK\x03\x04 and so on"}),
                         [](const auto& info) { return info.param.name; });

TEST_F(Unpack, TruncatedArchive) {
  std::string noise;  // does not compress, so that a cut goes through the data
  unsigned value = 1;
  for (int i = 0; i < 200000; ++i) noise += static_cast<char>((value = value * 1664525U + 1013904223U) >> 24);
  make_archive(archive_, {{"top/file", noise}});
  fs::resize_file(archive_, fs::file_size(archive_) / 2);
  expect_refused(cg::unpack(archive_, tree_, 1), "runcated");
}

TEST_F(Unpack, MissingArchive) {
  const auto done = cg::unpack(directory_.path() / "absent.tar", tree_, 1);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("absent.tar"), std::string::npos);
}

}  // namespace
}  // namespace cg
