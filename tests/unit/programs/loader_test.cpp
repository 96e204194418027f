// Small trees of ELF files made by the compiler; where the loader of the machine would look for what.
#include "programs/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/host.h"
#include "compiler.h"
#include "programs/check.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() : tree_(root_.path()), loader_(tree_) {
    compiler_.program(at("/probe"));
    const auto elf = read_elf(at("/probe"));
    interp_ = elf ? elf->interp : "";
    standard_ = elf ? Loader::standard_directories(*elf).front() : "";
    fs::remove(at("/probe"));
    compiler_.library(at(interp_), "ld.so.1");
  }
  fs::path at(const std::string& path) const { return root_.path() / path.substr(1); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories(at(path).parent_path());
    std::ofstream(at(path)) << text;
  }
  // "path path …: problem; problem"
  std::string closure(const std::string& path) {
    loader_.forget();
    const auto found = loader_.closure(path);
    if (!found) return found.error().message;
    std::string text;
    for (const auto& object : found->objects) text += (text.empty() ? "" : " ") + object.path;
    for (const auto& problem : found->problems) text += ": " + problem.message;
    return text;
  }
  std::string linked(const std::string& path) const { return at(path).string(); }

  TemporaryDirectory root_;
  Compiler compiler_;
  HostTree tree_;
  Loader loader_;
  std::string interp_;
  std::string standard_;
};

TEST_F(LoaderTest, SearchesRunPathConfigurationAndDefaults) {
  compiler_.library(at(standard_ + "/libdefault.so.1"), "libdefault.so.1");
  compiler_.library(at("/opt/conf/libconf.so.1"), "libconf.so.1", {linked(standard_ + "/libdefault.so.1")});
  compiler_.library(at("/app/lib/libown.so.1"), "libown.so.1", {linked("/opt/conf/libconf.so.1")});
  compiler_.program(at("/app/bin/tool"),
                    {linked("/app/lib/libown.so.1"), "-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib"});
  EXPECT_TRUE(closure("/app/bin/tool").contains("needs libconf.so.1, which is not where"))
      << closure("/app/bin/tool");
  write("/etc/ld.so.conf", "# comment\ninclude ld.so.conf.d/*.conf\n");
  write("/etc/ld.so.conf.d/x.conf", "/opt/conf  # here\n");
  EXPECT_EQ(closure("/app/bin/tool"), "/app/bin/tool " + interp_ + " /app/lib/libown.so.1 " +
                                          "/opt/conf/libconf.so.1 " + standard_ + "/libdefault.so.1");
}

// A directory that cannot be read is no answer: the library may be there.
TEST_F(LoaderTest, WhatCannotBeReadIsNotMissing) {
  class Unreadable : public HostTree {
   public:
    using HostTree::HostTree;
    Result<std::optional<TreeEntry>> entry(const std::string& path) const override {
      if (path == "/app/lib") return cannot("/app/lib: Input/output error");
      return HostTree::entry(path);
    }
  };
  compiler_.library(at("/app/lib/libown.so.1"), "libown.so.1");
  compiler_.program(at("/app/bin/tool"),
                    {linked("/app/lib/libown.so.1"), "-Wl,--enable-new-dtags", "-Wl,-rpath,/app/lib"});
  const Unreadable tree(root_.path());
  Loader loader(tree);
  const auto found = loader.closure("/app/bin/tool");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::cannot);
  EXPECT_EQ(found.error().message, "/app/lib: Input/output error");
}

TEST_F(LoaderTest, RpathIsHandedDownAndRunpathIsNot) {
  compiler_.library(at("/private/liblow.so"), "liblow.so");
  compiler_.library(at("/private/libtop.so"), "libtop.so", {linked("/private/liblow.so")});
  const std::vector<std::string> options = {linked("/private/libtop.so"), "-Wl,-rpath,/private",
                                            "-Wl,-rpath-link," + linked("/private")};
  auto old_tags = options;
  old_tags.push_back("-Wl,--disable-new-dtags");
  auto new_tags = options;
  new_tags.push_back("-Wl,--enable-new-dtags");
  compiler_.program(at("/bin/rpath"), old_tags);
  compiler_.program(at("/bin/runpath"), new_tags);
  EXPECT_EQ(closure("/bin/rpath"), "/bin/rpath " + interp_ + " /private/libtop.so /private/liblow.so");
  EXPECT_TRUE(closure("/bin/runpath").contains("needs liblow.so")) << closure("/bin/runpath");
}

TEST_F(LoaderTest, WhatDoesNotFitIsPassedOver) {
  compiler_.library(at("/first/libx.so.1"), "libx.so.1");
  fs::create_directories(at(standard_));
  fs::copy(at("/first/libx.so.1"), at(standard_ + "/libx.so.1"));
  compiler_.program(at("/bin/tool"), {linked("/first/libx.so.1"), "-Wl,-rpath,/first"});
  EXPECT_TRUE(closure("/bin/tool").ends_with(" /first/libx.so.1"));
  Compiler::change_machine(at("/first/libx.so.1"), 40);  // EM_ARM
  EXPECT_TRUE(closure("/bin/tool").ends_with(standard_ + "/libx.so.1")) << closure("/bin/tool");
  write(standard_ + "/libx.so.1", "text");
  EXPECT_TRUE(closure("/bin/tool").contains("needs libx.so.1, and /first/libx.so.1, "))
      << closure("/bin/tool");
}

TEST_F(LoaderTest, LinksOfAMergedUsrLeadToOneFile) {
  fs::create_directories(at("/usr/lib"));
  if (fs::exists(at("/lib"))) fs::remove_all(at("/lib"));
  fs::create_symlink("usr/lib", at("/lib"));
  compiler_.library(at("/usr/lib/libx.so.1.2"), "libx.so.1");
  fs::create_symlink("libx.so.1.2", at("/usr/lib/libx.so.1"));
  compiler_.library(at("/usr/lib/liby.so.1"), "liby.so.1", {linked("/usr/lib/libx.so.1")});
  compiler_.library(at(interp_), "ld.so.1");
  compiler_.program(at("/bin/tool"), {linked("/usr/lib/libx.so.1"), linked("/usr/lib/liby.so.1")});
  EXPECT_TRUE(closure("/bin/tool").ends_with(" /usr/lib/libx.so.1.2 /usr/lib/liby.so.1"))
      << closure("/bin/tool");
}

TEST_F(LoaderTest, NamesALoaderThatIsNotThere) {
  compiler_.program(at("/bin/tool"));
  EXPECT_EQ(closure("/bin/tool"), "/bin/tool " + interp_);
  fs::remove(at(interp_));
  EXPECT_TRUE(closure("/bin/tool").contains("its loader " + interp_ + " is not there"));
}

TEST_F(LoaderTest, VersionsThatALibraryDoesNotDefine) {
  const std::string two = compiler_.version_script("V_1.1 { one; }; V_1.2 { two; } V_1.1;");
  const std::string one = compiler_.version_script("V_1.1 { one; };");
  const std::string both = "void one(void) {}\nvoid two(void) {}\n";
  compiler_.library(at(standard_ + "/libv.so.1"), "libv.so.1", {two}, both);
  compiler_.program(at("/bin/tool"), {linked(standard_ + "/libv.so.1")},
                    "void two(void); void _start(void) { two(); }\n");
  EXPECT_TRUE(closure("/bin/tool").ends_with("libv.so.1"));
  compiler_.library(at(standard_ + "/libv.so.1"), "libv.so.1", {one}, both);
  EXPECT_TRUE(
      closure("/bin/tool")
          .ends_with("needs V_1.2 of libv.so.1, and " + standard_ + "/libv.so.1 has no newer than V_1.1"))
      << closure("/bin/tool");
  // A library without any versions is loaded all the same.
  compiler_.library(at(standard_ + "/libv.so.1"), "libv.so.1", {}, both);
  EXPECT_TRUE(closure("/bin/tool").ends_with("libv.so.1")) << closure("/bin/tool");
}

TEST_F(LoaderTest, MuslSearchesItsOwnDirectories) {
  const std::string musl = "/lib/ld-musl-" + host_machine() + ".so.1";
  compiler_.library(at(musl), "libc.so");
  compiler_.library(at("/usr/lib/libz.so.1"), "libz.so.1", {linked(musl)});
  compiler_.library(at(standard_ + "/libonly.so.1"), "libonly.so.1");
  compiler_.program(at("/bin/tool"),
                    {linked("/usr/lib/libz.so.1"), linked(musl), "-Wl,--dynamic-linker=" + musl});
  EXPECT_EQ(closure("/bin/tool"), "/bin/tool " + musl + " /usr/lib/libz.so.1");
  compiler_.program(at("/bin/other"), {linked(standard_ + "/libonly.so.1"), "-Wl,--dynamic-linker=" + musl});
  EXPECT_TRUE(closure("/bin/other").contains("needs libonly.so.1")) << closure("/bin/other");
  // And a program of the GNU C library does not take one of musl's.
  compiler_.program(at("/bin/gnu"), {linked("/usr/lib/libz.so.1"), "-Wl,-rpath-link," + linked("/lib")});
  EXPECT_TRUE(closure("/bin/gnu").contains("/usr/lib/libz.so.1 does not fit")) << closure("/bin/gnu");
}

TEST_F(LoaderTest, ASurveyNamesEachProgramThatCannotBeLoaded) {
  compiler_.library(at("/usr/lib/plugins/private.so"), "private.so");
  compiler_.library(at("/usr/lib/plugins/one.so"), "", {linked("/usr/lib/plugins/private.so")});
  compiler_.library(at("/elsewhere/libgone.so.1"), "libgone.so.1");
  compiler_.program(at("/usr/bin/good"));
  compiler_.program(at("/bin/sh"));
  write("/usr/bin/script", "#!/bin/sh\n");
  auto report = check_programs(tree_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->problems.empty()) << report->problems[0].path << report->problems[0].message;
  EXPECT_EQ(report->machine, host_machine());
  compiler_.program(at("/usr/bin/bad"), {linked("/elsewhere/libgone.so.1")});
  compiler_.library(at("/usr/lib/plugins/two.so"), "", {linked("/elsewhere/libgone.so.1")});
  compiler_.program(at("/usr/sbin/foreign"));
  Compiler::change_machine(at("/usr/sbin/foreign"), 40);
  write("/usr/bin/cut", std::string("\x7f"
                                    "ELF\2\1\1",
                                    7));
  report = check_programs(tree_);
  ASSERT_TRUE(report);
  std::vector<std::string> paths;
  for (const auto& problem : report->problems) paths.push_back(problem.path);
  EXPECT_EQ(paths.front(), "/usr/bin/bad");
  for (const char* path : {"/usr/bin/cut", "/usr/sbin/foreign"})
    EXPECT_TRUE(std::ranges::find(paths, path) != paths.end()) << path;
  EXPECT_TRUE(std::ranges::find(paths, "/usr/bin/good") == paths.end());
  // A plug-in that no program asks for is told apart: its package may only recommend what it needs.
  EXPECT_TRUE(std::ranges::find(paths, "/usr/lib/plugins/two.so") == paths.end());
  ASSERT_EQ(report->idle.size(), 1U);
  EXPECT_EQ(report->idle[0].path, "/usr/lib/plugins/two.so");
  EXPECT_TRUE(report->idle[0].message.contains("libgone.so.1")) << report->idle[0].message;
}

}  // namespace
}  // namespace cg
