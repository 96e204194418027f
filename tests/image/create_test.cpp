// What goes into an image comes out of it, read by e2fsprogs.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/process.h"
#include "image/support/image_case.h"
#include "json_schema.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, std::string_view part) {
  return text.contains(part);
}
#define EXPECT_HOLDS(text, part) EXPECT_PRED2(contains, text, part)

class Create : public ImageCase {
 protected:
  void SetUp() override { NEEDS_PROGRAM("e2fsck"); }
};

std::string noise(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24 | 1);
  return bytes;
}

TEST_F(Create, EveryKindOfEntrySurvives) {
  const std::string capability(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  const std::string long_target(100, 'x');
  const auto image = image_of({
      {.path = "bin", .type = 'd', .mode = 0755},
      {.path = "bin/tool",
       .content = "#!/bin/sh\n",
       .mode = 04751,
       .uid = 1000,
       .gid = 70000,
       .mtime = 1234567890,
       .nanoseconds = 987654321,
       .xattrs = {{"security.capability", capability}, {"user.note", std::string(700, 'n')}}},
      {.path = "bin/again", .type = 'h', .content = "bin/tool"},
      {.path = "empty"},
      {.path = "short", .type = 'l', .content = "bin/tool"},
      {.path = "long", .type = 'l', .content = long_target},
      {.path = "dev/null", .type = 'c', .mode = 0666, .major = 1, .minor = 3},
      {.path = "dev/big", .type = 'b', .mode = 0660, .major = 300, .minor = 70000},
      {.path = "fifo", .type = 'p'},
      {.path = "old", .content = "o", .mtime = -1},
      {.path = "future", .content = "f", .mtime = 5000000000},
  });
  EXPECT_TRUE(is_clean(image));
  const auto tool = debugfs(image, "stat /bin/tool");
  EXPECT_HOLDS(tool, "Mode:  04751");
  EXPECT_HOLDS(tool, "User:  1000   Group: 70000");
  EXPECT_HOLDS(tool, "Links: 2");
  EXPECT_HOLDS(tool, "mtime: 0x499602d2:eb79a2c4");  // 987654321 ns, shifted by the two epoch bits
  EXPECT_HOLDS(debugfs(image, "ea_get -V /bin/tool user.note"), std::string(700, 'n'));
  EXPECT_EQ(debugfs(image, "ea_get -V /bin/tool security.capability"), capability + "\n");
  EXPECT_EQ(debugfs(image, "cat /bin/again"), "#!/bin/sh\n");
  EXPECT_HOLDS(debugfs(image, "stat /empty"), "Size: 0");
  EXPECT_HOLDS(debugfs(image, "stat /short"), "Fast link dest: \"bin/tool\"");
  EXPECT_EQ(debugfs(image, "cat /long").substr(0, 100), long_target);
  EXPECT_HOLDS(debugfs(image, "stat /dev/null"), "Type: character special    Mode:  0666");
  EXPECT_HOLDS(debugfs(image, "stat /dev/null"), "Device major/minor number: 01:03");
  EXPECT_HOLDS(debugfs(image, "stat /dev/big"), "Device major/minor number: 300:70000");
  EXPECT_HOLDS(debugfs(image, "stat /fifo"), "Type: FIFO");
  EXPECT_HOLDS(debugfs(image, "stat /old"), "mtime: 0xffffffff:00000000");
  EXPECT_HOLDS(debugfs(image, "stat /future"), "mtime: 0x2a05f200:00000001");
  EXPECT_HOLDS(debugfs(image, "stat /dev"), "Mode:  0755");  // made, because nothing named it
}

TEST_F(Create, ADirectoryOfThisMachineSurvives) {
  fs::create_directories(path("tree/a/b/c"));
  std::ofstream(path("tree/a/b/c/file")) << "deep";
  fs::create_hard_link(path("tree/a/b/c/file"), path("tree/a/second"));
  fs::create_symlink("b/c/file", path("tree/a/link"));
  ASSERT_EQ(mkfifo(path("tree/fifo").c_str(), 0640), 0);
  ASSERT_EQ(chmod(path("tree/a").c_str(), 02751), 0);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("tree"), "-o", text("tree.img")}).status, 0);
  EXPECT_TRUE(is_clean(path("tree.img")));
  EXPECT_EQ(debugfs(path("tree.img"), "cat /a/second"), "deep");
  EXPECT_HOLDS(debugfs(path("tree.img"), "stat /a/b/c/file"), "Links: 2");
  EXPECT_HOLDS(debugfs(path("tree.img"), "stat /a"), "Mode:  02751");
  EXPECT_HOLDS(debugfs(path("tree.img"), "stat /a/link"), "Fast link dest: \"b/c/file\"");
}

TEST_F(Create, CompressionMakesNoDifference) {
  const std::vector<TarEntry> entries = {{.path = "a", .content = noise(100000)},
                                         {.path = "b/c", .content = "x"}};
  write_tar_file(path("plain.tar"), entries);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("plain.tar"), "-o", text("plain.img")}).status, 0);
  for (const char* filter : {"gzip", "xz", "zstd", "bzip2", "lz4"}) {
    write_tar_file(path("packed.tar"), entries, filter);
    ASSERT_EQ(rootfs_builder({"create", "--from", text("packed.tar"), "-o", text("packed.img")}).status, 0)
        << filter;
    EXPECT_TRUE(bytes_of(path("plain.img")) == bytes_of(path("packed.img"))) << filter;
  }
}

TEST_F(Create, LaterLayersReplaceEarlierOnes) {
  write_tar_file(path("one.tar"), {{.path = "etc/a", .content = noise(50000)},
                                   {.path = "etc/b", .content = "one"},
                                   {.path = "lib", .type = 'l', .content = "usr/lib"},
                                   {.path = "usr/lib", .type = 'd', .mode = 0755}});
  write_tar_file(path("two.tar"),
                 {{.path = "etc/a", .content = "two"}, {.path = "lib/library", .content = "so"}});
  ASSERT_EQ(
      rootfs_builder({"create", "--from", text("one.tar"), "--from", text("two.tar"), "-o", text("both.img")})
          .status,
      0);
  EXPECT_TRUE(is_clean(path("both.img")));
  EXPECT_EQ(debugfs(path("both.img"), "cat /etc/a"), "two");
  EXPECT_EQ(debugfs(path("both.img"), "cat /etc/b"), "one");
  EXPECT_EQ(debugfs(path("both.img"), "cat /usr/lib/library"), "so");
  EXPECT_HOLDS(debugfs(path("both.img"), "stat /lib"), "Fast link dest: \"usr/lib\"");
}

TEST_F(Create, LargeDirectoriesAreIndexed) {
  std::vector<TarEntry> entries;
  for (int i = 0; i < 5000; ++i) entries.push_back({.path = "flat/file" + std::to_string(i)});
  // 16 of these to a block: more than 507 blocks need a second level of the index.
  for (int i = 0; i < 9000; ++i)
    entries.push_back(
        {.path = "wide/" + std::string(240, 'n') + std::to_string(i), .content = i == 7777 ? "found" : ""});
  const auto image = image_of(entries);
  EXPECT_TRUE(is_clean(image));
  EXPECT_HOLDS(debugfs(image, "htree_dump /flat"), "Indirect levels: 0");
  EXPECT_HOLDS(debugfs(image, "htree_dump /wide"), "Indirect levels: 1");
  EXPECT_EQ(debugfs(image, "cat /wide/" + std::string(240, 'n') + "7777"), "found");
  const auto listing = rootfs_builder({"ls", image, "/flat"});
  EXPECT_EQ(std::ranges::count(listing.out, '\n'), 5000);
}

TEST_F(Create, HolesTakeNoRoom) {
  fs::create_directories(path("tree"));
  {
    std::ofstream file(path("tree/sparse"), std::ios::binary);
    file << "begin";
    file.seekp(200 << 20);
    file << "end";
  }
  // Every other block holds data: 2000 extents need two levels of tree.
  std::string comb;
  for (unsigned i = 0; i < 2000; ++i) comb += noise(4096, i) + std::string(4096, '\0');
  std::ofstream(path("tree/comb"), std::ios::binary) << comb;
  ASSERT_EQ(rootfs_builder({"create", "--from", text("tree"), "-o", text("tree.img")}).status, 0);
  EXPECT_TRUE(is_clean(path("tree.img")));
  EXPECT_LT(fs::file_size(path("tree.img")), 16U << 20);
  EXPECT_HOLDS(debugfs(path("tree.img"), "stat /sparse"), "Size: 209715203");
  EXPECT_TRUE(debugfs(path("tree.img"), "cat /comb") == comb);
  EXPECT_TRUE(rootfs_builder({"cat", text("tree.img"), "/sparse"}).out == bytes_of(path("tree/sparse")));
}

TEST_F(Create, DataThatSpansGroupsStepsOverSuperblockCopies) {
  fs::create_directories(path("tree"));
  const std::string half = noise(70 << 20);
  for (const char* name : {"one", "two", "three"})
    std::ofstream(path("tree") / name, std::ios::binary) << half;
  ASSERT_EQ(rootfs_builder({"create", "--from", text("tree"), "-o", text("tree.img")}).status, 0);
  EXPECT_TRUE(is_clean(path("tree.img")));
  EXPECT_TRUE(debugfs(path("tree.img"), "cat /two") == half);
  // The copy in group 1 is whole.
  const auto backup = run({"e2fsck", "-fn", "-b", "32768", "-B", "4096", text("tree.img")});
  ASSERT_TRUE(backup);
  EXPECT_EQ(backup->status & ~4, 0) << backup->out;
}

TEST_F(Create, TheSameInputGivesTheSameBytes) {
  const std::vector<TarEntry> entries = {{.path = "a/b", .content = noise(300000)},
                                         {.path = "c", .type = 'l', .content = "a/b"},
                                         {.path = "z", .xattrs = {{"user.x", "y"}}}};
  write_tar_file(path("input.tar"), entries);
  ASSERT_EQ(
      rootfs_builder({"create", "--from", text("input.tar"), "-o", text("one.img"), "--size", "auto+4M"})
          .status,
      0);
  const pid_t child = fork();
  if (child == 0) {
    umask(077);
    setenv("TZ", "Asia/Kathmandu", 1);
    fs::create_directories(path("elsewhere"));
    (void)!chdir(path("elsewhere").c_str());
    _exit(rootfs_builder({"create", "--from", "../input.tar", "-o", "two.img", "--size", "auto+4M"}).status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(bytes_of(path("one.img")) == bytes_of(path("elsewhere/two.img")));
}

TEST_F(Create, SourceDateEpochClampsTimes) {
  write_tar_file(path("input.tar"),
                 {{.path = "new", .mtime = 1800000000}, {.path = "old", .mtime = 1000000000}});
  ASSERT_EQ(rootfs_builder({"create", "--from", text("input.tar"), "-o", text("image.img")},
                           {{"SOURCE_DATE_EPOCH", "1500000000"}})
                .status,
            0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_HOLDS(debugfs(path("image.img"), "stat /new"), "mtime: 0x59682f00");
  EXPECT_HOLDS(debugfs(path("image.img"), "stat /old"), "mtime: 0x3b9aca00");
  EXPECT_EQ(rootfs_builder({"create", "--from", text("input.tar"), "-o", text("x.img")},
                           {{"SOURCE_DATE_EPOCH", "soon"}})
                .status,
            2);
}

TEST_F(Create, TheUuidAndLabelAreTheOnesGiven) {
  const auto image =
      image_of({{.path = "a"}}, {"--uuid", "01234567-89ab-cdef-0123-456789abcdef", "--label", "root"});
  const auto outcome = rootfs_builder({"inspect", image, "--format", "json"});
  EXPECT_HOLDS(outcome.out, "\"uuid\": \"01234567-89ab-cdef-0123-456789abcdef\"");
  EXPECT_HOLDS(outcome.out, "\"label\": \"root\"");
}

// rootfs_builder() holds every document that is printed against its schema; here those that no other test
// asks for.
TEST_F(Create, EveryDocumentFollowsItsSchema) {
  write_tar_file(path("input.tar"), {{.path = "a", .content = "a"}, {.path = "b"}});
  const auto document = [&](std::vector<std::string> args, const char* name) {
    args.insert(args.end(), {"--format", "json"});
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_HOLDS(outcome.out, std::string("\"criu-guest.") + name + "/1\"");
  };
  document({"create", "--from", text("input.tar"), "-o", text("disk"), "--form", "kata", "--verity",
            "--report", text("report")},
           "image-summary");
  EXPECT_EQ(violation_of(bytes_of(path("report")), "rootfs-builder.schema.json"), "");
  document({"create", "--from", text("input.tar"), "-o", text("initrd"), "--form", "initrd"},
           "initrd-summary");
  document({"inject", text("disk"), text("input.tar") + ":/c"}, "image-edit");
  document({"inject", text("initrd"), text("input.tar") + ":/c"}, "image-edit");
  document({"inspect", text("disk")}, "image-inspect");
  document({"inspect", text("initrd")}, "image-inspect");
  document({"verify", text("initrd")}, "image-verify");
}

TEST_F(Create, WhatAFormDoesNotHaveIsRefused) {
  write_tar_file(path("input.tar"), {{.path = "a"}});
  for (const char* const form : {"initrd", "erofs", "kata-erofs"})
    for (const auto& [option, value] :
         std::vector<std::pair<const char*, const char*>>{{"--size", "64M"},
                                                          {"--size", "auto+64M"},
                                                          {"--journal", "4M"},
                                                          {"--inodes", "100"},
                                                          {"--inode-ratio", "4K"}}) {
      const auto outcome = rootfs_builder(
          {"create", "--from", text("input.tar"), "-o", text("x.img"), "--form", form, option, value});
      EXPECT_EQ(outcome.status, 2) << form << option << outcome.err;
      EXPECT_TRUE(outcome.err.contains(option) && outcome.err.contains(form)) << outcome.err;
      EXPECT_FALSE(fs::exists(path("x.img")));
    }
}

TEST_F(Create, WhatIsNotCompressedIsNotAskedToBe) {
  write_tar_file(path("input.tar"), {{.path = "a"}});
  for (const char* const form : {"ext4", "kata", "kata-dax", "gpt"}) {
    const auto outcome = rootfs_builder(
        {"create", "--from", text("input.tar"), "-o", text("x.img"), "--form", form, "--compress", "zstd"});
    EXPECT_EQ(outcome.status, 2) << form << outcome.err;
    EXPECT_TRUE(outcome.err.contains("the form " + std::string(form) + " has none")) << outcome.err;
    EXPECT_FALSE(fs::exists(path("x.img")));
  }
}

TEST_F(Create, InodesAreAsManyAsWished) {
  const std::vector<TarEntry> entries = {{.path = "a", .content = "a"}, {.path = "b/c", .content = "c"}};
  const auto inodes = [&](std::vector<std::string> more) {
    const bool kata = std::ranges::find(more, "kata") != more.end();
    const std::string img = image_of(entries, std::move(more));
    EXPECT_TRUE(is_clean(img, kata ? 1 << 20 : 0));
    return static_cast<std::uint64_t>(
        nlohmann::json::parse(rootfs_builder({"inspect", img, "--format", "json"}).out)["inodes"]);
  };
  EXPECT_GE(inodes({"--inodes", "5000"}), 5000U);
  EXPECT_GE(inodes({"--inodes", "5000", "--size", "16M"}), 5000U);
  const std::uint64_t dense = inodes({"--inode-ratio", "4K", "--size", "16M"});
  EXPECT_GE(dense, 4096U);
  EXPECT_LE(dense, 4300U);
  EXPECT_LE(inodes({"--inode-ratio", "1M", "--size", "16M"}), 32U);
  EXPECT_GE(inodes({"--inode-ratio", "1K", "--size", "auto+8M"}), 8192U);
  EXPECT_GE(inodes({"--inode-ratio", "4096", "--form", "kata"}), 30000U);
  for (const auto& [option, value, status] :
       {std::tuple{"--inodes", "3", 1}, std::tuple{"--inodes", "many", 2}, std::tuple{"--inodes", "0", 2},
        std::tuple{"--inode-ratio", "100", 2}, std::tuple{"--inode-ratio", "1G", 2}}) {
    const auto outcome =
        rootfs_builder({"create", "--from", text("input.tar"), "-o", text("x.img"), option, value});
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(option)) << outcome.err;
    EXPECT_FALSE(fs::exists(path("x.img")));
  }
}

// From 32 GiB on mke2fs gives larger ones, too.
TEST_F(Create, AJournalIsOfTheSizeThatMke2fsGives) {
  for (const auto& [size, blocks] : {std::pair{"1G", 8192}, {"31G", 32768}, {"33G", 65536}}) {
    const auto image = image_of({{.path = "f"}}, {"--size", size});
    EXPECT_HOLDS(debugfs(image, "stat <8>"), fmt::format("Size: {}\n", std::uint64_t{4096} * blocks));
    EXPECT_TRUE(is_clean(image));
  }
}

TEST_F(Create, SizesAreKept) {
  const std::vector<TarEntry> entries = {{.path = "data", .content = noise(3 << 20)}};
  auto image = image_of(entries, {"--size", "600M"});  // five groups, of which all but the first are empty
  EXPECT_EQ(fs::file_size(image), 600U << 20);
  EXPECT_TRUE(is_clean(image));
  EXPECT_HOLDS(debugfs(image, "features"), "has_journal");
  image = image_of(entries, {"--size", "auto+64M", "--journal", "none"});
  EXPECT_TRUE(is_clean(image));
  fs::create_directories(path("more"));
  std::ofstream(path("more/fill"), std::ios::binary) << noise(64 << 20);
  EXPECT_EQ(rootfs_builder({"inject", image, text("more/fill") + ":/fill"}).status, 0);
  EXPECT_TRUE(is_clean(image));
}

TEST_F(Create, SizesFromTinyToTwoGroupsAreClean) {
  write_tar_file(path("input.tar"), {{.path = "a", .content = "a"}});
  for (const char* size : {"300K", "1M", "7M", "8M", "127M", "128M", "129M", "130M", "257M"}) {
    ASSERT_EQ(rootfs_builder({"create", "--from", text("input.tar"), "-o", text("image.img"), "--size", size})
                  .status,
              0)
        << size;
    EXPECT_TRUE(is_clean(path("image.img"))) << size;
  }
}

TEST_F(Create, WhatDoesNotFitIsRefusedAndNamed) {
  write_tar_file(path("input.tar"), {{.path = "big/file", .content = noise(3 << 20)}});
  std::ofstream(path("image.img")) << "previous";
  const auto outcome =
      rootfs_builder({"create", "--from", text("input.tar"), "-o", text("image.img"), "--size", "2M"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_HOLDS(outcome.err, "big/file");
  EXPECT_EQ(bytes_of(path("image.img")), "previous");
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"image.img", "input.tar"}));
  // The data fits and the rest does not.
  const auto tight =
      rootfs_builder({"create", "--from", text("input.tar"), "-o", text("image.img"), "--size", "3100K"});
  EXPECT_EQ(tight.status, 1);
  EXPECT_HOLDS(tight.err, "--size");
  EXPECT_EQ(bytes_of(path("image.img")), "previous");
}

TEST_F(Create, AFullDiskLeavesNothingBehind) {
  write_tar_file(path("input.tar"), {{.path = "file", .content = noise(3 << 20)}});
  std::ofstream(path("image.img")) << "previous";
  // A limit on a file's size stands in for a disk that is full: write fails in the middle.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(rootfs_builder({"create", "--from", text("input.tar"), "-o", text("image.img")}).status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(bytes_of(path("image.img")), "previous");
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"image.img", "input.tar"}));
}

// A child's status of `work`.
int in_a_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// More levels, and more files beside them, than the process may have descriptors.
TEST_F(Create, ADeepDirectoryTakesFewDescriptors) {
  std::string deep = "tree";
  for (int level = 0; level < 100; ++level) {
    fs::create_directories(path(deep));
    std::ofstream(path(deep + "/a")) << level;
    std::ofstream(path(deep + "/z")) << noise(5000, level);
    deep += "/d";
  }
  EXPECT_EQ(in_a_child([&] {
              const rlimit limit{24, 24};
              setrlimit(RLIMIT_NOFILE, &limit);
              return rootfs_builder({"create", "--from", text("tree"), "-o", text("image.img")}).status;
            }),
            0);
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "-o", text("out")}).status, 0);
  EXPECT_TRUE(run_checked({"diff", "-r", "--exclude=lost+found", text("tree"), text("out")}));
}

// A file between others, larger than what is read at once, of data and holes.
TEST_F(Create, ALargeFileAmongSmallOnes) {
  fs::create_directories(path("tree"));
  for (int i = 0; i < 600; ++i)
    std::ofstream(path("tree/f" + std::to_string(i))) << noise(static_cast<std::size_t>(i) * 17, i + 1);
  std::ofstream large(path("tree/f3_large"), std::ios::binary);
  large << noise(700001) << std::flush;
  large.seekp(3 << 20);
  large << noise(100000, 7) << std::flush;
  large.close();
  fs::resize_file(path("tree/f3_large"), 5 << 20);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("tree"), "-o", text("image.img")}).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "-o", text("out")}).status, 0);
  EXPECT_TRUE(run_checked({"diff", "-r", "--exclude=lost+found", text("tree"), text("out")}));
}

TEST_F(Create, AFileThatMayNotBeReadIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to have something that another user may not read";
  fs::create_directories(path("tree"));
  for (const char* name : {"tree/empty", "tree/secret"}) std::ofstream(path(name));
  for (const char* name : {"tree/empty", "tree/secret"}) fs::permissions(path(name), fs::perms::none);
  fs::permissions(path(""), fs::perms::all);
  const auto as_nobody = [&](const std::string& out) {
    return in_a_child([&] {
      if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) return 99;
      const auto outcome = rootfs_builder({"create", "--from", text("tree"), "-o", text(out)});
      return outcome.status == 0 || outcome.err.contains("tree/secret: Permission denied") ? outcome.status
                                                                                           : 98;
    });
  };
  EXPECT_EQ(as_nobody("both_empty.img"), 0);
  std::ofstream(path("tree/secret")) << "not for everybody";
  EXPECT_EQ(as_nobody("image.img"), 3);
  EXPECT_FALSE(fs::exists(path("image.img")));
}

}  // namespace
}  // namespace cg
