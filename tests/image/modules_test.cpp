// Kernel modules made for the test: relocatable files that export and want symbols as modules do, in a tree
// as the kernel's own "make modules_install" leaves it.
#include <fstream>

#include "base/process.h"
#include "compiler.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

#define EXPECT_HOLDS(text, part) EXPECT_TRUE((text).contains(part)) << (text)

class Modules : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    NEEDS_PROGRAM("depmod");
    module("kernel/lib/base.ko", "", "base_call", "");
    module("kernel/net/middle.ko", "base_call", "middle_call", "");
    module("kernel/net/top-most.ko", "middle_call", "", "softdep=pre: soft");
    module("kernel/crypto/soft.ko", "", "", "alias=pci:v0000*");
    module("kernel/other.ko", "", "", "");
    std::ofstream(path(tree_) / "modules.builtin") << "kernel/fs/overlayfs/overlay.ko\n";
    std::ofstream(path(tree_) / "modules.order") << "kernel/lib/base.ko\nkernel/net/middle.ko\n";
    std::ofstream(path(tree_) / "modules.builtin.modinfo")
        << std::string("overlay.file=fs/overlayfs/overlay\0", 35);
  }
  void module(const std::string& name, const std::string& wants, const std::string& exports,
              const std::string& fact) {
    std::string source =
        "__attribute__((section(\".modinfo\"), used)) static const char v[] = \"vermagic=6.9.1-test SMP\";\n";
    if (!fact.empty())
      source += "__attribute__((section(\".modinfo\"), used)) static const char f[] = \"" + fact + "\";\n";
    if (!wants.empty()) source += "void " + wants + "(void);\nvoid start(void) { " + wants + "(); }\n";
    if (!exports.empty())
      source += "void " + exports +
                "(void) {}\n"
                "__attribute__((section(\"__ksymtab_strings\"), used)) static const char e[] = \"" +
                exports + "\";\n";
    compiler_.compile(path(tree_) / name, {"-c", "-fno-pic"}, source);
  }
  std::string image() {
    return image_of(
        {{.path = "usr/lib", .type = 'd', .mode = 0755}, {.path = "lib", .type = 'l', .content = "usr/lib"}},
        {"--size", "auto+8M"});
  }

  std::string tree_ = "6.9.1-test";
  Compiler compiler_;
};

TEST_F(Modules, ComeWithWhatTheyDependOnAndAnIndexOfWhatIsThere) {
  const auto img = image();
  std::ofstream(path(tree_) / "config") << "CONFIG_NET=y\n";
  auto outcome = rootfs_builder({"inject", img, "--modules", text(tree_), "top_most", "overlay"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(is_clean(img));
  EXPECT_EQ(debugfs(img, "cat /usr/lib/modules/6.9.1-test/config"), "CONFIG_NET=y\n");
  EXPECT_HOLDS(outcome.err, "module overlay is built into Linux 6.9.1-test");
  const std::string dep = debugfs(img, "cat /usr/lib/modules/6.9.1-test/modules.dep");
  EXPECT_HOLDS(dep, "kernel/net/top-most.ko: kernel/net/middle.ko kernel/lib/base.ko\n");
  EXPECT_HOLDS(dep, "kernel/crypto/soft.ko:");
  EXPECT_FALSE(dep.contains("other.ko"));
  EXPECT_HOLDS(debugfs(img, "stat /usr/lib/modules/6.9.1-test/modules.dep.bin"), "Mode:  0644");
  EXPECT_HOLDS(debugfs(img, "cat /usr/lib/modules/6.9.1-test/modules.builtin"), "overlay.ko");
  // What comes later joins what is there.
  outcome = rootfs_builder({"inject", img, "--modules", text(tree_), "other"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(is_clean(img));
  const std::string both = debugfs(img, "cat /usr/lib/modules/6.9.1-test/modules.dep");
  EXPECT_HOLDS(both, "kernel/other.ko:");
  EXPECT_HOLDS(both, "kernel/net/top-most.ko: kernel/net/middle.ko kernel/lib/base.ko\n");
  // modprobe, which is not ours, finds the way.
  ASSERT_EQ(rootfs_builder({"extract", img, "/", "-o", text("root")}).status, 0);
  const auto plan = run({"modprobe", "-d", text("root"), "-S", "6.9.1-test", "-D", "top_most"});
  EXPECT_EQ(plan->status, 0) << plan->err;
  for (const char* name : {"base.ko", "middle.ko", "soft.ko", "top-most.ko"}) EXPECT_HOLDS(plan->out, name);
}

TEST_F(Modules, AnAliasAndACompressedModuleAreFound) {
  NEEDS_PROGRAM("xz");
  NEEDS_PROGRAM("zstd");
  ASSERT_TRUE(run_checked({"xz", "--check=crc32", text(tree_) + "/kernel/lib/base.ko"}));
  ASSERT_TRUE(run_checked({"zstd", "-q", "--rm", text(tree_) + "/kernel/crypto/soft.ko"}));
  const auto img = image();
  const auto outcome = rootfs_builder({"inject", img, "--modules", text(tree_), "middle", "pci:v00001234"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string dep = debugfs(img, "cat /usr/lib/modules/6.9.1-test/modules.dep");
  EXPECT_HOLDS(dep, "kernel/net/middle.ko: kernel/lib/base.ko.xz\n");
  EXPECT_HOLDS(dep, "kernel/crypto/soft.ko.zst:");
}

TEST_F(Modules, TheSameModulesGiveTheSameImage) {
  const auto img = image();
  fs::copy(img, path("second"));
  ASSERT_EQ(rootfs_builder({"inject", img, "--modules", text(tree_), "top_most"}).status, 0);
  ASSERT_EQ(rootfs_builder({"inject", text("second"), "--modules", text(tree_), "top_most"}).status, 0);
  EXPECT_TRUE(bytes_of(img) == bytes_of(path("second")));
}

TEST_F(Modules, MistakesAreNamedAndNothingIsLeft) {
  const auto img = image();
  const std::string before = bytes_of(img);
  const auto refused = [&](std::vector<std::string> args, int status, std::string_view part) {
    args.insert(args.begin(), {"inject", img, "--modules"});
    const auto outcome = rootfs_builder(args, {{"TMPDIR", text("scratch")}});
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_HOLDS(outcome.err, part);
  };
  fs::create_directory(path("scratch"));
  refused({text(tree_), "top_mast"}, 1, "did you mean top_most");
  refused({text(tree_), "overlai"}, 1, "overlay");
  refused({text("nowhere"), "x"}, 3, "nowhere");
  refused({text("scratch"), "x"}, 1, "no kernel modules are in it");
  refused({text(tree_), "other", text(tree_) + ":/x"}, 2, "before --modules");
  EXPECT_TRUE(names_in(path("scratch")).empty());
  EXPECT_TRUE(bytes_of(img) == before);
  EXPECT_EQ(rootfs_builder({"inject", img}).status, 2);
  // A tree whose name is no version is for the kernel that its modules name.
  fs::rename(path(tree_), path("unpacked"));
  const auto outcome = rootfs_builder({"inject", img, "--modules", text("unpacked"), "other"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_HOLDS(outcome.err, "/lib/modules/6.9.1-test/kernel/other.ko");
}

}  // namespace
}  // namespace cg
