// Programs that go into an image are ones it can start; what they miss comes along; verify says what cannot
// be started.
#include <sys/stat.h>

#include <fstream>

#include "base/process.h"
#include "compiler.h"
#include "elf/elf.h"
#include "image/support/image_case.h"
#include "programs/loader.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

#define EXPECT_HOLDS(text, part) EXPECT_TRUE((text).contains(part)) << (text)

class Programs : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    compiler_.compile(path("static"), {"-static", "-s"}, "int main(void) { return 0; }\n");
    compiler_.compile(path("dynamic"), {"-s"}, "int main(void) { return 0; }\n");
  }
  // A merged /usr with a static /bin/sh.
  std::string image(std::vector<TarEntry> more = {}) {
    std::vector<TarEntry> entries = {
        {.path = "usr/bin/sh", .content = bytes_of(path("static")), .mode = 0755},
        {.path = "usr/lib", .type = 'd', .mode = 0755},
        {.path = "bin", .type = 'l', .content = "usr/bin"},
        {.path = "lib", .type = 'l', .content = "usr/lib"}};
    entries.insert(entries.end(), more.begin(), more.end());
    return image_of(entries, {"--size", "auto+16M"});
  }
  void expect_refused(const std::vector<std::string>& args, std::string_view part) {
    const std::string before = bytes_of(args[1]);
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_HOLDS(outcome.err, part);
    EXPECT_TRUE(bytes_of(args[1]) == before);
  }
  Compiler compiler_;
};

TEST_F(Programs, AnotherMachinesProgramIsRefused) {
  fs::copy(path("static"), path("foreign"));
  Compiler::change_machine(path("foreign"), 40);
  const auto img = image();
  expect_refused({"inject", img, text("foreign") + ":/bin/tool"}, "is built for arm, and the image for");
  auto outcome = rootfs_builder({"inject", img, text("foreign") + ":/bin/tool", "--force"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_HOLDS(outcome.err, "is built for arm");
  outcome = rootfs_builder({"verify", img});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_HOLDS(outcome.out, "FAIL    program /usr/bin/tool is built for arm");
  // What is no program is nobody's business.
  std::ofstream(path("script")) << "#!/bin/sh\n";
  EXPECT_EQ(rootfs_builder({"inject", img, text("script") + ":/bin/script"}).status, 0);
}

TEST_F(Programs, WhatADynamicProgramNeedsComesAlong) {
  const auto img = image();
  expect_refused({"inject", img, text("dynamic") + ":/bin/tool"}, "its loader ");
  const auto outcome = rootfs_builder({"inject", img, text("dynamic") + ":/bin/tool", "--with-libs"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(is_clean(img));
  EXPECT_HOLDS(outcome.err, "libc.so.6: added");
  const auto verified = rootfs_builder({"verify", img});
  EXPECT_EQ(verified.status, 0) << verified.out;
  // The image's own loader runs the program with the image's own libraries.
  ASSERT_EQ(rootfs_builder({"extract", img, "/", "-o", text("root")}).status, 0);
  const auto elf = read_elf(path("dynamic"));
  ASSERT_TRUE(elf);
  std::string libraries;
  for (const auto& entry : fs::recursive_directory_iterator(path("root")))
    if (entry.path().filename() == "libc.so.6") libraries = entry.path().parent_path().string();
  EXPECT_FALSE(fs::is_symlink(path("root") / "usr/bin"));
  const auto ran = run({text("root") + elf->interp, "--inhibit-cache", "--library-path", libraries,
                        text("root") + "/usr/bin/tool"});
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->status, 0) << ran->err;
  // Nothing is brought twice.
  const auto again = rootfs_builder({"inject", img, text("dynamic") + ":/bin/second", "--with-libs"});
  EXPECT_EQ(again.status, 0);
  EXPECT_FALSE(again.err.contains("libc.so.6"));
}

TEST_F(Programs, ALoaderBesideAMergedUsrGetsALink) {
  const auto elf = read_elf(path("dynamic"));
  ASSERT_TRUE(elf);
  if (elf->interp.starts_with("/lib/")) GTEST_SKIP() << "the loader of this machine is in /lib";
  const auto img = image();
  ASSERT_EQ(rootfs_builder({"inject", img, text("dynamic") + ":/bin/tool", "--with-libs"}).status, 0);
  const std::string top = elf->interp.substr(0, elf->interp.find('/', 1));
  EXPECT_HOLDS(debugfs(img, "stat " + top), "Fast link dest: \"usr" + top + "\"");
}

TEST_F(Programs, LibrariesOfADirectoryGoWhereTheLoaderLooks) {
  compiler_.library(path("libs/liblow.so.1"), "liblow.so.1");
  compiler_.library(path("libs/libtop.so.1"), "libtop.so.1", {text("libs/liblow.so.1")});
  compiler_.library(path("libs/loader.so"), "loader.so");
  compiler_.program(path("tool"), {text("libs/libtop.so.1"), "-Wl,--dynamic-linker=/lib/loader.so"});
  const auto img = image();
  expect_refused({"inject", img, text("tool") + ":/bin/tool", "--with-libs"}, "libtop.so.1");
  ASSERT_EQ(rootfs_builder({"inject", img, text("tool") + ":/bin/tool", "--libs-from", text("libs")}).status,
            0);
  EXPECT_TRUE(is_clean(img));
  EXPECT_EQ(rootfs_builder({"verify", img}).status, 0);
  EXPECT_EQ(rootfs_builder({"inject", img, text("tool") + ":/bin/x", "--libs-from", text("nothing")}).status,
            3);
  const auto elf = read_elf(path("tool"));
  ASSERT_TRUE(elf);
  const std::string low = Loader::standard_directories(*elf).front() + "/liblow.so.1";
  ASSERT_EQ(rootfs_builder({"remove", img, low}).status, 0) << low;
  const auto verified = rootfs_builder({"verify", img, "--format", "json"});
  EXPECT_EQ(verified.status, 1);
  EXPECT_HOLDS(verified.out, "needs liblow.so.1, which is not where the loader looks");
  EXPECT_HOLDS(verified.out, "libtop.so.1\"");
}

TEST_F(Programs, RelativeRunPathsMeanTheProgramsPlaceInTheImage) {
  compiler_.library(path("build/lib/libown.so"), "libown.so");
  compiler_.program(path("build/bin/tool"), {text("build/lib/libown.so"), "-Wl,-rpath,$ORIGIN/../lib",
                                             "-Wl,--enable-new-dtags", "-Wl,--dynamic-linker=/bin/sh"});
  const auto img = image();
  const auto outcome =
      rootfs_builder({"inject", img, text("build/bin/tool") + ":/opt/app/bin/", "--with-libs"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_HOLDS(outcome.err, "/opt/app/lib/libown.so: added");
}

TEST_F(Programs, ANewerVersionThanTheImageHasIsRefused) {
  const std::string both = "void one(void) {}\nvoid two(void) {}\n";
  compiler_.library(path("old/libc.so.6"), "libc.so.6", {compiler_.version_script("GLIBC_2.30 { one; };")},
                    both);
  compiler_.library(path("new/libc.so.6"), "libc.so.6",
                    {compiler_.version_script("GLIBC_2.30 { one; }; GLIBC_2.99 { two; } GLIBC_2.30;")}, both);
  compiler_.program(path("tool"), {text("new/libc.so.6"), "-Wl,--dynamic-linker=/bin/sh"},
                    "void two(void); void _start(void) { two(); }\n");
  const auto img =
      image({{.path = "usr/lib/libc.so.6", .content = bytes_of(path("old/libc.so.6")), .mode = 0755}});
  const std::string why =
      "needs GLIBC_2.99 of libc.so.6, and /usr/lib/libc.so.6 has no newer than GLIBC_2.30";
  expect_refused({"inject", img, text("tool") + ":/bin/tool"}, why);
  expect_refused({"inject", img, text("tool") + ":/bin/tool", "--with-libs"}, why);
  expect_refused({"inject", img, text("tool") + ":/bin/tool", "--libs-from", text("new")}, why);
  // Together with the library that has it.
  EXPECT_EQ(
      rootfs_builder({"inject", img, text("tool") + ":/bin/tool", text("new/libc.so.6") + ":/lib/"}).status,
      0);
  EXPECT_EQ(rootfs_builder({"verify", img}).status, 0);
}

}  // namespace
}  // namespace cg
