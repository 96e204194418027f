// Entries with odd names and modes: long ones in every form that tars have for them, bytes that are no text,
// set-user-id files and device nodes.
#include <fstream>

#include "hostile/hostile_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class HostileEntries : public Hostile {
 protected:
  // What ls says to one path.
  std::string listed(const std::string& name) { return rootfs_builder({"ls", text("image.img"), name}).out; }
};

TEST_F(HostileEntries, LongNamesInEveryForm) {
  NEEDS_PROGRAM("tar");
  const std::string deep = std::string(200, 'd') + "/" + std::string(250, 'e') + "/" + std::string(255, 'f');
  fs::create_directories(path("tree/" + deep).parent_path());
  std::ofstream(path("tree/" + deep)) << "deep";
  fs::create_symlink(std::string(300, 't'), path("tree/link"));
  for (const char* format : {"gnu", "posix", "oldgnu"}) {
    ASSERT_TRUE(run_checked(
        {"tar", std::string("--format=") + format, "-C", text("tree"), "-cf", text("long.tar"), "."}));
    const auto outcome = create_from("long.tar");
    ASSERT_EQ(outcome.status, 0) << format << ": " << outcome.err;
    EXPECT_TRUE(is_clean(path("image.img")));
    EXPECT_EQ(rootfs_builder({"cat", text("image.img"), deep}).out, "deep") << format;
    EXPECT_TRUE(listed("link").contains(std::string(300, 't'))) << format;
  }
}

TEST_F(HostileEntries, ALongNameThatIsTooLong) {
  expect_refused({{.path = std::string(300, 'n')}}, "255");
  expect_refused({{.path = "d", .type = 'd'}, {.path = "h", .type = 'h', .content = std::string(300, 'n')}},
                 "255");
}

TEST_F(HostileEntries, BytesThatAreNoText) {
  const std::string odd = "odd\xff\xfe\x80name\n\x1b[31m";
  ASSERT_EQ(create({{.path = odd + "/file", .content = "in"},
                    {.path = "link", .type = 'l', .content = "\xc3\x28"},
                    {.path = "hard", .type = 'h', .content = odd + "/file"}})
                .status,
            0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), odd + "/file"}).out, "in");
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "hard"}).out, "in");
  // JSON stays JSON, and the bytes come out again as they went in.
  EXPECT_EQ(rootfs_builder({"--format", "json", "ls", "-R", text("image.img")}).status, 0);
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "-o", text("out")}).status, 0);
  EXPECT_TRUE(fs::exists(path("out/" + odd + "/file")));
  EXPECT_EQ(fs::read_symlink(path("out/link")).string(), "\xc3\x28");
}

TEST_F(HostileEntries, SetUserIdAndDevicesAreStoredAndHaveNoEffectHere) {
  const std::vector<TarEntry> entries = {
      {.path = "bin/su", .content = "su", .mode = 04755},
      {.path = "bin/write", .content = "w", .mode = 02755},
      {.path = "tmp", .type = 'd', .mode = 01777},
      {.path = "dev/mem", .type = 'c', .mode = 0600, .major = 1, .minor = 1},
      {.path = "dev/sda", .type = 'b', .mode = 0660, .major = 8}};
  ASSERT_EQ(create(entries).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_TRUE(listed("bin/su").starts_with("-rwsr-xr-x"));
  EXPECT_TRUE(listed("bin/write").starts_with("-rwxr-sr-x"));
  EXPECT_TRUE(rootfs_builder({"ls", text("image.img")}).out.contains("drwxrwxrwt"));
  EXPECT_TRUE(listed("dev/mem").starts_with("crw-------"));
  EXPECT_FALSE(fs::exists(path("dev")));
  fs::remove(path("image.img"));
  expect_refused(entries, "/dev/mem", {"--no-devices"});
  expect_refused({entries[0], entries[4]}, "/dev/sda", {"--no-devices"});
  ASSERT_EQ(create({entries[0]}, {"--no-devices"}).status, 0);
}

TEST_F(HostileEntries, AttributesOutsideOfTheKnownNamespaces) {
  // Of another system: left out, unless told otherwise (strangers_test.cpp).
  expect_refused({{.path = "x", .xattrs = {{"evil.name", "v"}}}}, "evil.name", {"--strict-attributes"});
}

TEST_F(HostileEntries, DuplicatesAcrossHardLinksKeepTheOthers) {
  ASSERT_EQ(create({{.path = "a", .content = std::string(9000, 'a')},
                    {.path = "b", .type = 'h', .content = "a"},
                    {.path = "a", .content = "second"},
                    {.path = "b", .type = 'h', .content = "b"},
                    {.path = "d/x", .content = "x"},
                    {.path = "d", .type = 'd', .mode = 0700},
                    {.path = "./d//x", .content = "again"},
                    {.path = "/d/./x", .content = "once more"}})
                .status,
            0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "a"}).out, "second");
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "b"}).out, std::string(9000, 'a'));
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "d/x"}).out, "once more");
}

TEST_F(HostileEntries, AReadThatFailsIsTheMachinesFault) {
  // The kernel opens it and refuses to read its start.
  const auto outcome = rootfs_builder({"create", "--from", "/proc/self/mem", "-o", text("image.img")});
  EXPECT_EQ(outcome.status, 3) << outcome.err;
  EXPECT_TRUE(outcome.err.contains("/proc/self/mem")) << outcome.err;
  EXPECT_TRUE(names_in(path("")).empty());
}

}  // namespace
}  // namespace cg
