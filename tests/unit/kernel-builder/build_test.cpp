// The whole of kernel-builder over a tiny source tree whose Makefile answers as the kernel's does: it drops
// the symbol IMPOSSIBLE, and "compiles" by copying.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "json_schema.h"
#include "kernel_builder_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

constexpr const char* fake_makefile = R"(
allnoconfig:
	@( echo "# Linux/x86 9.9.9 Kernel Configuration"; grep -v IMPOSSIBLE $(KCONFIG_ALLCONFIG) ) > $(KCONFIG_CONFIG)
vmlinux: .config
	@if grep -q CONFIG_BREAK=y .config; then echo "core.c:1: error: broken on purpose" >&2; exit 1; fi
	@echo "  CC      core.o"; echo compiled >> compiled.count; cp .config vmlinux
bzImage: vmlinux
	@mkdir -p arch/x86/boot; cp vmlinux arch/x86/boot/bzImage
olddefconfig:
	@( echo "# Linux/x86 9.9.9 Kernel Configuration"; grep -v -e IMPOSSIBLE -e '^# Linux' $(KCONFIG_CONFIG); echo CONFIG_NEW=y ) > new; mv new $(KCONFIG_CONFIG)
.PHONY: allnoconfig olddefconfig bzImage
)";

class KernelBuilder : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path tree = root() / "linux-9.9.9";
    fs::create_directories(tree / "scripts/kconfig");
    fs::create_directories(root() / "kconfig/fragments/x86_64");
    fs::create_directories(root() / "recipes/kernel");
    put(tree / "Makefile", fake_makefile);
    put(tree / "Kconfig",
        "config GOOD\n\tbool \"g\"\nconfig IMPOSSIBLE\n\tbool \"i\"\n\tdepends on NOTHING\n");
    put(tree / "scripts/kconfig/conf", "");
    ASSERT_EQ(run({"tar", "-C", root().string(), "-cf", tarball().string(), "linux-9.9.9"})->status, 0);
    put(root() / "kconfig/version", "7\n");
    put(root() / "kconfig/fragments/base.conf", "CONFIG_GOOD=y\n");
    write_recipe(sha256_file(tarball()).value());
  }

  fs::path root() const { return directory_.path(); }
  fs::path tarball() const { return root() / "linux.tar"; }
  fs::path out() const { return root() / "out"; }
  static void put(const fs::path& path, const std::string& text) {
    ASSERT_TRUE(write_file_atomically(path, text));
  }
  void write_recipe(const std::string& sha256) {
    put(root() / "recipes/kernel/9.9.toml",
        "name = \"9.9\"\nversion = \"9.9.9\"\nfragments = [\"base\"]\n[[source]]\nkind = \"url\"\nurl = "
        "\"file://" +
            tarball().string() + "\"\nsha256 = \"" + sha256 + "\"\n");
  }
  int tool(Args args) {
    output.str("");
    errors.str("");
    std::istringstream in;
    Environment env{output, errors, in, [&](std::string_view name) -> std::optional<std::string> {
                      if (name == "CRIU_GUEST_DATA") return root().string();
                      if (name == "CRIU_GUEST_CACHE") return (root() / "cache").string();
                      return std::nullopt;
                    }};
    args.insert(args.end(), {"--arch", "x86_64"});
    return kernel_builder_main(args, env);
  }
  int build(Args more = {}) {
    Args args = {"build", "9.9", "-o", out().string()};
    args.insert(args.end(), more.begin(), more.end());
    return tool(args);
  }
  std::size_t compilations() const {
    for (const auto& entry : fs::directory_iterator(root() / "cache/kernel"))
      if (entry.is_directory()) return read_file(entry.path() / "compiled.count").value_or("").size() / 9;
    return 0;
  }

  std::ostringstream output;
  std::ostringstream errors;

 private:
  TemporaryDirectory directory_;
};

TEST_F(KernelBuilder, InstallsUnderBothVersionsWithLinksAndManifest) {
  ASSERT_EQ(build(), 0) << errors.str();
  EXPECT_TRUE(fs::is_regular_file(out() / "vmlinux-9.9.9-7"));
  EXPECT_EQ(fs::read_symlink(out() / "vmlinuz.container"), "vmlinuz-9.9.9-7");
  EXPECT_TRUE(read_file(out() / "config-9.9.9-7").value().contains("CONFIG_GOOD=y"));
  const auto manifest = read_file(out() / "kernel.json").value();
  EXPECT_TRUE(manifest.contains("\"version\": \"9.9.9\""));
  EXPECT_EQ(violation_of(manifest, "kernel-builder.schema.json"), "") << manifest;
  ASSERT_EQ(build({"--format", "json"}), 0) << errors.str();
  EXPECT_EQ(violation_of(output.str(), "kernel-builder.schema.json"), "") << output.str();
  ASSERT_EQ(build({"--dry-run", "--format", "json"}), 0) << errors.str();
  EXPECT_EQ(violation_of(output.str(), "kernel-builder.schema.json"), "") << output.str();
  EXPECT_TRUE(output.str().contains("\"install to " + out().string())) << output.str();
}

TEST_F(KernelBuilder, NothingChangedMeansNothingDoneAndAChangeRebuilds) {
  ASSERT_EQ(build(), 0);
  ASSERT_EQ(build(), 0);
  EXPECT_TRUE(output.str().contains("up to date")) << output.str();
  EXPECT_EQ(compilations(), 1U);
  put(root() / "extra.conf", "CONFIG_OTHER=y\n");
  ASSERT_EQ(build({"--fragments", (root() / "extra.conf").string()}), 0) << errors.str();
  EXPECT_EQ(compilations(), 2U);
  ASSERT_EQ(build(), 0);
  EXPECT_TRUE(output.str().contains("from the cache")) << output.str();
  EXPECT_EQ(compilations(), 2U);
  EXPECT_EQ(fs::read_symlink(out() / "vmlinux.container"), "vmlinux-9.9.9-7");
}

TEST_F(KernelBuilder, ASourceOfAnotherVersionIsNotTheOneAskedFor) {
  const std::string hash = sha256_file(tarball()).value();
  EXPECT_EQ(tool({"build", "9.9.7", "-o", out().string(), "--source", tarball().string(), "--sha256", hash}),
            1);
  EXPECT_TRUE(errors.str().contains("this is Linux 9.9.9, and 9.9.7 was asked for")) << errors.str();
  EXPECT_FALSE(fs::exists(out() / "kernel.json"));
  EXPECT_EQ(tool({"build", "9.9.9", "-o", out().string(), "--source", tarball().string()}), 0)
      << errors.str();
}

TEST_F(KernelBuilder, ATarballThatTheUserVouchesFor) {
  put(root() / "recipes/kernel/9.9.toml",
      "name = \"9.9\"\nversion = \"9.9.1\"\nfragments = [\"base\"]\n[[source]]\nkind = "
      "\"debian_package\"\npackage = \"none\"\nunpacked = \"x\"\n");
  const std::string hash = sha256_file(tarball()).value();
  EXPECT_EQ(build({"--source", tarball().string()}), 1);
  EXPECT_TRUE(errors.str().contains(hash)) << errors.str();
  EXPECT_EQ(build({"--source", tarball().string(), "--sha256", "abc"}), 2) << errors.str();
  EXPECT_EQ(build({"--source", tarball().string(), "--sha256", std::string(64, '0')}), 1) << errors.str();
  EXPECT_EQ(build({"--source", tarball().string(), "--sha256", hash}), 0) << errors.str();
}

// Over a configuration of the user's only CRIU's needs are laid, and what that changes is said.
TEST_F(KernelBuilder, TheUsersOwnConfigurationIsTheBase) {
  put(root() / "kconfig/fragments/criu.conf", "CONFIG_CRIU_NEED=y\nCONFIG_HAD=y\n");
  put(root() / "my.config", "CONFIG_HAD=y\nCONFIG_MINE=m\n# CONFIG_CRIU_NEED is not set\n");
  ASSERT_EQ(build({"--base", (root() / "my.config").string()}), 0) << errors.str();
  EXPECT_TRUE(errors.str().contains("1 symbols changed as asked, 1 more follow")) << errors.str();
  EXPECT_TRUE(errors.str().contains("  CONFIG_CRIU_NEED: n -> y\n")) << errors.str();
  EXPECT_FALSE(errors.str().contains("CONFIG_NEW")) << errors.str();
  const auto config = read_file(out() / "vmlinux.container").value();
  EXPECT_TRUE(config.contains("CONFIG_MINE=m")) << config;
  EXPECT_FALSE(config.contains("CONFIG_GOOD")) << config;  // of the recipe's own fragments
  EXPECT_EQ(fs::read_symlink(out() / "vmlinux.container").string().find("vmlinux-9.9.9-7+"), 0U);
  put(root() / "kconfig/fragments/criu.conf", "CONFIG_IMPOSSIBLE=y\n");
  EXPECT_EQ(build({"--base", (root() / "my.config").string()}), 1);
  EXPECT_TRUE(errors.str().contains("CONFIG_IMPOSSIBLE=y")) << errors.str();
  EXPECT_EQ(build({"--base", (root() / "none.config").string()}), 3);
}

TEST_F(KernelBuilder, TheGateStopsBeforeCompiling) {
  put(root() / "extra.conf", "CONFIG_IMPOSSIBLE=y\nCONFIG_GOOD=y\n");
  EXPECT_EQ(build({"--fragments", (root() / "extra.conf").string()}), 1);
  EXPECT_TRUE(errors.str().contains("CONFIG_IMPOSSIBLE=y")) << errors.str();
  EXPECT_TRUE(errors.str().contains("depends on NOTHING (Kconfig:5): NOTHING does not exist here"))
      << errors.str();
  EXPECT_EQ(compilations(), 0U);
  EXPECT_FALSE(fs::exists(out() / "kernel.json"));
}

TEST_F(KernelBuilder, AFailedCompilationShowsTheErrorAndKeepsTheOldKernel) {
  ASSERT_EQ(build(), 0);
  put(root() / "extra.conf", "CONFIG_BREAK=y\n");
  EXPECT_EQ(build({"--fragments", (root() / "extra.conf").string()}), 3);
  EXPECT_TRUE(errors.str().contains("core.c:1: error: broken on purpose")) << errors.str();
  EXPECT_EQ(fs::read_symlink(out() / "vmlinux.container"), "vmlinux-9.9.9-7");
  ASSERT_EQ(build(), 0);
  EXPECT_TRUE(output.str().contains("up to date"));
}

TEST_F(KernelBuilder, AnInterruptedBuildGoesOn) {
  // As a killed run leaves it: tree unpacked and configured, a temporary beside the output, nothing in the
  // cache.
  ASSERT_EQ(build(), 0);
  fs::remove_all(root() / "cache/kernels");
  fs::remove(out() / "vmlinux-9.9.9-7");
  put(out() / ".vmlinux-9.9.9-7.1.0.part", "half");
  ASSERT_EQ(build(), 0) << errors.str();
  EXPECT_TRUE(fs::is_regular_file(out() / "vmlinux-9.9.9-7"));
  EXPECT_EQ(compilations(), 1U) << "make had nothing left to do";
}

TEST_F(KernelBuilder, WrongSources) {
  put(root() / "junk.tar", "this is no tarball at all");
  write_recipe(sha256_file(root() / "junk.tar").value());
  EXPECT_EQ(build({"--source", (root() / "junk.tar").string()}), 1);
  EXPECT_TRUE(errors.str().contains("junk.tar")) << errors.str();

  const std::string other(64, 'a');
  write_recipe(other);
  EXPECT_EQ(build({"--source", tarball().string()}), 1);
  EXPECT_TRUE(errors.str().contains(other) && errors.str().contains(sha256_file(tarball()).value()))
      << errors.str();
  EXPECT_TRUE(fs::exists(tarball()));

  fs::create_directories(root() / "plain");
  put(root() / "plain/README", "no kernel");
  ASSERT_EQ(run({"tar", "-C", root().string(), "-cf", (root() / "plain.tar").string(), "plain"})->status, 0);
  write_recipe(sha256_file(root() / "plain.tar").value());
  EXPECT_EQ(build({"--source", (root() / "plain.tar").string()}), 1);
  EXPECT_TRUE(errors.str().contains("not a Linux source tree")) << errors.str();
}

TEST_F(KernelBuilder, BadWordsAndBadPlaces) {
  EXPECT_EQ(tool({"build", "9.8", "-o", out().string()}), 2);
  EXPECT_TRUE(errors.str().contains("known: 9.9")) << errors.str();
  EXPECT_EQ(build({"--arch", "sparc"}), 2);
  put(root() / "file", "");
  EXPECT_EQ(tool({"build", "9.9", "-o", (root() / "file/out").string()}), 3);
  put(root() / "recipes/kernel/bad.toml", "name = \"bad\"\nversion = \n");
  EXPECT_EQ(tool({"build", "bad", "-o", out().string()}), 1);
  EXPECT_TRUE(errors.str().contains("bad.toml:2:")) << errors.str();
}

TEST_F(KernelBuilder, ConfigPrintsTheResolvedConfiguration) {
  EXPECT_EQ(tool({"config", "9.9"}), 0);
  EXPECT_TRUE(output.str().contains("CONFIG_GOOD=y")) << output.str();
  EXPECT_EQ(compilations(), 0U);
}

}  // namespace
}  // namespace cg
