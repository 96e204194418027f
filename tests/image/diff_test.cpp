// diff names the structure that differs, and nothing where the bytes are the same.
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class Diff : public ImageCase {
 protected:
  void SetUp() override {
    image_of(entries,
             {"--journal", "none", "--size", "2M", "--uuid", "5f7dc1a1-7a3b-4d7d-9a6e-2b1c7a3d9e10"});
    fs::copy_file(path("image.img"), path("other.img"));
  }
  Outcome diff(std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"diff", text("image.img"), text("other.img")};
    args.insert(args.end(), more.begin(), more.end());
    return rootfs_builder(args);
  }
  // Without the directory's name.
  std::string words(const Outcome& outcome) {
    std::string all = outcome.out;
    for (auto at = all.find(text("")); at != std::string::npos; at = all.find(text("")))
      all.erase(at, text("").size());
    return all;
  }
  void change(std::vector<std::string> command) {
    command.insert(command.begin() + 1, text("other.img"));
    const auto outcome = rootfs_builder(command);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  const std::vector<TarEntry> entries = {{.path = "etc/conf", .content = std::string(9000, 'c')},
                                         {.path = "etc/gone", .content = "gone"},
                                         {.path = "etc/link", .type = 'l', .content = "conf"},
                                         {.path = "x", .xattrs = {{"user.a", "1"}}}};
};

TEST_F(Diff, TheSameBytesAreEqual) {
  const auto outcome = diff();
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const auto json = nlohmann::json::parse(diff({"--format", "json"}).out);
  EXPECT_TRUE(json["equal"]);
  EXPECT_TRUE(json["differences"].empty());
}

TEST_F(Diff, NamesFilesAndTheirFields) {
  std::vector<TarEntry> changed = entries;
  changed[0].content[8200] = 'C';
  changed[0].mode = 0600;
  changed[1] = {.path = "etc/new", .content = "new!"};
  changed[2].content = "elsewhere";
  changed[3].uid = 7;
  changed[3].mtime = 1700000001;
  changed[3].xattrs = {{"user.a", "2"}, {"user.b", "3"}};
  image_of(changed, {"--journal", "none", "--size", "2M", "--uuid", "5f7dc1a1-7a3b-4d7d-9a6e-2b1c7a3d9e10"});
  fs::rename(path("image.img"), path("swap.img"));
  fs::rename(path("other.img"), path("image.img"));
  fs::rename(path("swap.img"), path("other.img"));
  const auto outcome = diff({"--files"});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_EQ(words(outcome),
            "/etc/conf: mode: 0644 -> 0600\n"
            "/etc/conf: content at 8200: 0x63 -> 0x43\n"
            "/etc/gone: only in image.img\n"
            "/etc/link: target: conf -> elsewhere\n"
            "/etc/new: only in other.img\n"
            "/x: uid: 0 -> 7\n"
            "/x: mtime: 1700000000.000000000 -> 1700000001.000000000\n"
            "/x: attribute user.a: \"1\" -> \"2\"\n"
            "/x: attribute user.b: (none) -> \"3\"\n");
  // And how they are stored.
  const std::string all = words(diff({"--most", "0"}));
  EXPECT_TRUE(all.starts_with("superblock: write time: 1700000000 -> 1700000001\n")) << all;
  EXPECT_TRUE(all.contains("/x: change time: 1700000000 -> 1700000001\n")) << all;
}

TEST_F(Diff, NamesWhatAnEditChanged) {
  std::ofstream(path("new")) << std::string(5000, 'n');
  change({"inject", text("new") + ":/etc/new:600"});
  const auto outcome = diff();
  EXPECT_EQ(outcome.status, 1);
  const std::string found = words(outcome);
  for (const char* line : {"superblock: free blocks: ", "superblock: free inodes: ", "group 0: free blocks: ",
                           "group 0: free inodes: ", "/etc/new: only in other.img\n"})
    EXPECT_TRUE(found.contains(line)) << line << "\n" << found;
  const auto two = diff({"--most", "2"});
  EXPECT_EQ(std::ranges::count(two.out, '\n'), 2);
  EXPECT_TRUE(two.err.contains("--most 0")) << two.err;
  const auto json = nlohmann::json::parse(diff({"--most", "2", "--format", "json"}).out);
  EXPECT_FALSE(json["complete"]);
  EXPECT_EQ(json["differences"].size(), 2U);
  EXPECT_EQ(json["differences"][0]["where"], "superblock");
}

TEST_F(Diff, NamesBlocksThatMoved) {
  std::ofstream(path("same")) << std::string(9000, 'c');
  change({"replace", text("same") + ":/etc/conf"});
  const std::string found = words(diff());
  EXPECT_TRUE(found.contains("/etc/conf: ")) << found;
}

TEST_F(Diff, NamesThePlaceOfBytesThatNoFieldExplains) {
  std::fstream file(path("other.img"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(path("other.img")) - 10));
  file.put('!').flush();
  const auto outcome = diff();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(words(outcome), "block 511, byte 4086: value: 0x00 -> 0x21\n");
  EXPECT_EQ(diff({"--files"}).status, 0);
}

TEST_F(Diff, DisksOfDifferentForms) {
  ASSERT_EQ(rootfs_builder({"convert", text("image.img"), "--form", "gpt", "-o", text("disk.img")}).status,
            0);
  const auto outcome = rootfs_builder({"diff", text("image.img"), text("disk.img")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.out.contains("file: partition table: raw -> GPT\n")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("partition 1: only in ")) << outcome.out;
  const auto files = rootfs_builder({"diff", "--files", text("image.img"), text("disk.img")});
  EXPECT_EQ(files.status, 0) << files.out << files.err;
}

TEST_F(Diff, WhatIsNoFileSystemIsComparedAsItIs) {
  std::ofstream(path("a.bin")) << "0123456789";
  std::ofstream(path("b.bin")) << "0123x56789-";
  const auto outcome = rootfs_builder({"diff", text("a.bin"), text("b.bin")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "file: bytes: 10 -> 11\nbyte 4: value: 0x34 -> 0x78\n");
  EXPECT_EQ(rootfs_builder({"diff", text("a.bin"), text("a.bin")}).status, 0);
  EXPECT_EQ(rootfs_builder({"diff", text("a.bin"), text("missing")}).status, 3);
  EXPECT_EQ(rootfs_builder({"diff", text("a.bin")}).status, 2);
}

}  // namespace
}  // namespace cg
