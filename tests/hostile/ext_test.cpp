// ext images whose structures contradict each other under checksums that hold: what debugfs writes.
#include "base/file.h"
#include "hostile/hostile_case.h"

namespace cg {
namespace {

class HostileExt : public Hostile {
 protected:
  void SetUp() override {
    Hostile::SetUp();
    NEEDS_PROGRAM("debugfs");
    ASSERT_EQ(
        create({{.path = "etc/conf", .content = "conf"}, {.path = "etc/other", .content = "other"}}).status,
        0);
    ASSERT_TRUE(write_file_atomically(path("new"), "new"));
  }
  void damage(const std::string& request) {
    ASSERT_TRUE(run_checked({"debugfs", "-w", "-R", request, text("image.img")}));
    damaged_ = bytes_of(path("image.img"));
  }
  // The first number after `mark` in debugfs's answer.
  std::string block_by(const std::string& request, const std::string& mark) {
    const auto answer = run_checked({"debugfs", "-R", request, text("image.img")});
    const std::string said = answer ? *answer : answer.error().message;
    const auto begin = said.find_first_of("0123456789", said.find(mark));
    EXPECT_NE(begin, std::string::npos) << request << ": " << said;
    return begin == std::string::npos
               ? ""
               : said.substr(begin, said.find_first_not_of("0123456789", begin) - begin);
  }
  std::string block_of_conf() { return block_by("blocks /etc/conf", ""); }
  void expect_refused_edit(const std::vector<std::string>& args, std::string_view named) {
    const auto before = names_in(path(""));
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 1) << args[0] << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << args[0] << outcome.err;
    EXPECT_TRUE(bytes_of(path("image.img")) == damaged_) << args[0];
    EXPECT_EQ(names_in(path("")), before) << args[0];
  }

 private:
  std::string damaged_;
};

// Whoever takes it loses the file that has it.
TEST_F(HostileExt, AnInodeInUseThatItsBitmapCallsFree) {
  damage("freei /etc/conf");
  for (const bool in_place : {false, true}) {
    for (std::vector<std::string> args :
         std::vector<std::vector<std::string>>{{"inject", text("image.img"), text("new") + ":/etc/new"},
                                               {"mkdir", text("image.img"), "/etc/directory"},
                                               {"symlink", text("image.img"), "target", "/etc/link"}}) {
      if (in_place) args.emplace_back("--in-place");
      expect_refused_edit(args, "is in use and marked as free");
    }
  }
}

// Extents that cannot be opened are no hole: what the file held is not there, and nothing says zeros.
TEST_F(HostileExt, ExtentsWithoutAHead) {
  damage("set_inode_field /etc/conf block[0] 0");
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"extract", text("image.img"), "-o", text("out")},
           {"extract", text("image.img"), "-o", text("out.tar")},
           {"convert", text("image.img"), "--form", "gpt", "-o", text("out.img")},
           {"convert", text("image.img"), "--form", "initrd", "-o", text("out.cpio")},
           {"diff", text("image.img"), text("image.img")}})
    expect_refused_edit(args, "/etc/conf");
  expect_refused_edit({"inject", text("image.img"), text("new") + ":/etc/new"}, "inode");
}

// What is written there next would belong to two files. Another block is marked, so that the counts agree.
TEST_F(HostileExt, ABlockInUseThatItsBitmapCallsFree) {
  const std::string used = block_of_conf();
  const std::string unused = block_by("ffb", "found");
  damage("freeb " + used);
  damage("setb " + unused);
  expect_refused_edit({"mkdir", text("image.img"), "/etc/directory"},
                      "has block " + used + ", which is marked as free");
  expect_refused_edit({"mkdir", "--in-place", text("image.img"), "/etc/directory"},
                      "has block " + used + ", which is marked as free");
  const auto verified = rootfs_builder({"verify", text("image.img")});
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.out.contains("FAIL    bitmaps")) << verified.out;
}

TEST_F(HostileExt, AnInodeTableThatTheBitmapCallsFree) {
  const std::string table = block_by("imap /etc/conf", "at block");
  const std::string unused = block_by("ffb", "found");
  damage("freeb " + table);
  damage("setb " + unused);
  expect_refused_edit({"mkdir", text("image.img"), "/etc/directory"},
                      "the inode table of group 0 has block " + table + ", which is marked as free");
}

// The word 5 of its block map is where the first extent lies.
TEST_F(HostileExt, ABlockOfTwoFiles) {
  const std::string used = block_of_conf();
  damage("sif /etc/other block[5] " + used);
  expect_refused_edit({"mkdir", text("image.img"), "/etc/directory"},
                      "has block " + used + ", which something else has too");
}

TEST_F(HostileExt, ABlockOfAFileAndOfTheInodeTable) {
  const std::string table = block_by("imap /etc/conf", "at block");
  damage("sif /etc/other block[5] " + table);
  expect_refused_edit({"mkdir", text("image.img"), "/etc/directory"},
                      "has block " + table + ", which something else has too");
}

// libext2fs prints a line of its own about a bit that there is not, past all that this program says.
TEST_F(HostileExt, AnInodeTableBehindTheEnd) {
  damage("set_bg 0 inode_table 99999999");
  damage("set_bg 0 checksum calc");
  testing::internal::CaptureStderr();
  expect_refused_edit({"mkdir", text("image.img"), "/etc/directory"}, "outside of the file system");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// Some images share them on purpose, and say so.
TEST_F(HostileExt, SharedBlocksAreNoDamage) {
  damage("sif /etc/other block[5] " + block_of_conf());
  EXPECT_TRUE(rootfs_builder({"verify", text("image.img")}).out.contains("FAIL    bitmaps"));
  damage("feature shared_blocks");
  EXPECT_TRUE(rootfs_builder({"verify", text("image.img")}).out.contains("PASS    bitmaps"));
  expect_refused_edit({"mkdir", text("image.img"), "/etc/directory"}, "shared_blocks");
}

TEST_F(HostileExt, AFirstBlockWhereNoneCanBe) {
  damage("ssv first_data_block 7");
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"inspect", text("image.img")},
           {"ls", text("image.img"), "/"},
           {"verify", text("image.img")},
           {"inject", text("image.img"), text("new") + ":/etc/new"},
           {"inject", "--in-place", text("image.img"), text("new") + ":/etc/new"}})
    expect_refused_edit(args, "begins at block 7");
}

}  // namespace
}  // namespace cg
