// A distribution's kernel, out of packages of the test's own and an apt that knows them alone.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/environment.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/process.h"
#include "base/sha256.h"
#include "json_schema.h"
#include "kernel_builder_tool.h"
#include "recipe.h"
#include "temporary_directory.h"
#include "unit/kernel/boot_image.h"
#include "unit/source/make_archive.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

constexpr const char* release = "9.1.0-3-cloud-amd64";
constexpr const char* config_text =
    "# Linux/x86 9.1.7 Kernel Configuration\nCONFIG_CC_VERSION_TEXT=\"gcc-99 (Debian 99.1)\"\n"
    "CONFIG_VIRTIO=m\n";

class Distribution : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("depmod")) GTEST_SKIP() << "depmod is not on PATH (Debian: kmod)";
    const char* path = getenv("PATH");
    path_ = path ? path : "";
    fs::create_directories(root() / "kconfig/fragments");
    fs::create_directories(root() / "recipes/kernel");
    fs::create_directories(root() / "bin");
    spill(root() / "kconfig/version", "7\n");
    recipe("name = \"debian\"\n[[package]]\narchitecture = \"x86_64\"\nname = \"linux-image-cloud-amd64\"\n");
    offer(members());
    setenv("PATH", ((root() / "bin").string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override {
    if (!path_.empty()) setenv("PATH", path_.c_str(), 1);
  }

  fs::path root() const { return directory_.path(); }
  fs::path out() const { return root() / "out"; }
  void recipe(const std::string& text) const { spill(root() / "recipes/kernel/debian.toml", text); }
  static std::string packed(const std::string& bytes) {
    return run_checked({"gzip", "-cn"}, {.input = bytes}).value_or("");
  }
  static std::string vmlinux() { return std::string("\x7f") + "ELF" + std::string(5000, 'k'); }
  static std::vector<Member> members() {
    const std::string modules = std::string("./lib/modules/") + release + "/";
    return {{std::string("./boot/vmlinuz-") + release, boot_image(packed(vmlinux()), release)},
            {std::string("./boot/config-") + release, config_text},
            {modules + "kernel/drivers/virtio/virtio.ko", slurp(directory_of_tests() / "module.ko")},
            {modules + "modules.order", "kernel/drivers/virtio/virtio.ko\n"},
            {modules + "modules.builtin", "kernel/fs/ext4/ext4.ko\n"}};
  }
  // depmod wants an ELF file.
  static fs::path directory_of_tests() {
    static const TemporaryDirectory made;
    const fs::path object = made.path() / "module.ko";
    if (!fs::exists(object)) {
      spill(made.path() / "m.c",
            "__attribute__((section(\".modinfo\"), used)) static const char v[] = \"vermagic=9.1.0 SMP\";\n");
      EXPECT_TRUE(run_checked({"gcc", "-c", "-o", object.string(), (made.path() / "m.c").string()}));
    }
    return made.path();
  }
  // What apt says: a metapackage, the package it stands for, and that package's bytes.
  void offer(const std::vector<Member>& members, const std::string& depends = "") {
    const fs::path deb = root() / "kernel.deb";
    make_deb(deb, members);
    const std::string real = std::string("linux-image-") + release;
    program("apt-cache",
            "echo linux-image-cloud-amd64; echo '  Depends: " + (depends.empty() ? real : depends) + "'");
    program("apt-get", "echo \"$*\" >> " + (root() / "asked").string() + "\ncase \"$*\" in\n*print-uris\\ " +
                           real + ") echo \"'file://" + deb.string() + "' " + real +
                           "_9.1.7-2_amd64.deb 1 SHA256:" + sha256_file(deb).value() + "\";;\nesac");
  }
  void program(const std::string& name, const std::string& script) const {
    spill(root() / "bin" / name, "#!/bin/sh\n" + script + "\n");
    fs::permissions(root() / "bin" / name, fs::perms::owner_all);
  }
  int tool(const Args& args) {
    output.str("");
    errors.str("");
    std::istringstream in;
    Environment env{output, errors, in, [&](std::string_view name) -> std::optional<std::string> {
                      if (name == "CRIU_GUEST_DATA") return root().string();
                      if (name == "CRIU_GUEST_CACHE") return (root() / "cache").string();
                      return std::nullopt;
                    }};
    return kernel_builder_main(args, env);
  }
  int build(Args more = {}) {
    Args args = {"build", "debian", "-o", out().string(), "--arch", "x86_64"};
    args.insert(args.end(), more.begin(), more.end());
    return tool(args);
  }

  std::ostringstream output;
  std::ostringstream errors;

 private:
  TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(Distribution, LiesWhereAKernelOfOursWouldAndSaysWhoseItIs) {
  ASSERT_EQ(build(), 0) << errors.str();
  EXPECT_TRUE(output.str().contains("the distribution's binary")) << output.str();
  EXPECT_EQ(fs::read_symlink(out() / "vmlinux.container"), std::string("vmlinux-") + release);
  EXPECT_EQ(slurp(out() / "vmlinux.container"), vmlinux());
  EXPECT_EQ(slurp(out() / "vmlinuz.container"), boot_image(packed(vmlinux()), release));
  EXPECT_EQ(slurp(out() / (std::string("config-") + release)), config_text);
  const fs::path modules = out() / "lib/modules" / release;
  EXPECT_EQ(slurp(modules / "config"), config_text) << "where kcheck finds it in a guest";
  EXPECT_TRUE(slurp(modules / "modules.dep").contains("kernel/drivers/virtio/virtio.ko:"));
  const std::string text = slurp(out() / "kernel.json");
  EXPECT_EQ(violation_of(text, "kernel-builder.schema.json"), "") << text;
  const auto manifest = nlohmann::json::parse(text);
  EXPECT_TRUE(manifest["built_by"].get<std::string>().contains("distribution's binary")) << text;
  EXPECT_EQ(manifest["version"], release);
  EXPECT_EQ(manifest["config_version"], "9.1.7-2");
  EXPECT_EQ(manifest["compiler"], "gcc-99 (Debian 99.1)");
  EXPECT_EQ(manifest["source"]["sha256"], sha256_file(root() / "kernel.deb").value());
  for (const auto& left : {root() / "cache/kernels", out() / "lib/modules"})
    for (const auto& entry : fs::recursive_directory_iterator(left))
      EXPECT_FALSE(entry.path().filename().string().starts_with('.') || entry.path().filename() == "package")
          << entry.path() << " is left over";
}

TEST_F(Distribution, IsAskedForOnceUnlessAnewIsMeant) {
  ASSERT_EQ(build(), 0) << errors.str();
  fs::remove(root() / "asked");
  ASSERT_EQ(build({"--format", "json"}), 0) << errors.str();
  EXPECT_EQ(violation_of(output.str(), "kernel-builder.schema.json"), "") << output.str();
  EXPECT_EQ(nlohmann::json::parse(output.str())["how"], "up to date");
  fs::remove_all(out());
  ASSERT_EQ(build({"--offline"}), 0) << errors.str();
  EXPECT_TRUE(output.str().contains("from the cache")) << output.str();
  fs::remove_all(out() / "lib");
  ASSERT_EQ(build(), 0) << errors.str();
  EXPECT_TRUE(fs::exists(out() / "lib/modules" / release / "modules.dep"))
      << "without modules it is not current";
  EXPECT_FALSE(fs::exists(root() / "asked"));
  ASSERT_EQ(tool({"list", "--format", "json"}), 0);
  EXPECT_EQ(violation_of(output.str(), "kernel-builder.schema.json"), "") << output.str();
  EXPECT_EQ(nlohmann::json::parse(output.str())["recipes"][0]["version"], "9.1.7");
  ASSERT_EQ(build({"--refresh"}), 0) << errors.str();
  EXPECT_TRUE(fs::exists(root() / "asked"));
  EXPECT_TRUE(output.str().contains("taken in")) << output.str();
}

TEST_F(Distribution, WaitsForNoKernelThatIsCompiled) {
  fs::create_directories(root() / "cache/kernel");
  const auto lock = FileLock::acquire(root() / "cache/kernel/lock");
  ASSERT_TRUE(lock) << lock.error().message;
  ASSERT_EQ(build(), 0) << errors.str();
  EXPECT_FALSE(errors.str().contains("waiting")) << errors.str();
}

TEST_F(Distribution, PrintsItsConfigurationAndItsPlan) {
  ASSERT_EQ(build({"--dry-run", "--format", "json"}), 0) << errors.str();
  EXPECT_EQ(violation_of(output.str(), "kernel-builder.schema.json"), "") << output.str();
  EXPECT_TRUE(output.str().contains("linux-image-cloud-amd64")) << output.str();
  EXPECT_FALSE(fs::exists(root() / "asked")) << "a plan asks nobody";
  EXPECT_FALSE(fs::exists(out()));
  ASSERT_EQ(tool({"config", "debian", "--arch", "x86_64"}), 0) << errors.str();
  EXPECT_EQ(output.str(), config_text);
}

TEST_F(Distribution, IsNotToBeChanged) {
  spill(root() / "x.conf", "CONFIG_X=y\n");
  const std::string hash(64, '0');
  for (const Args& more : {Args{"--fragments", (root() / "x.conf").string()}, Args{"--base", "x"},
                           Args{"--source", "x"}, Args{"--sha256", hash}}) {
    EXPECT_EQ(build(more), 2) << more[0];
    EXPECT_TRUE(errors.str().contains(more[0] + ": recipe debian is a kernel that a distribution has built"))
        << errors.str();
  }
  EXPECT_EQ(tool({"build", "debian", "--arch", "arm64"}), 2);
  EXPECT_TRUE(errors.str().contains("names no package for arm64 (only for x86_64)")) << errors.str();
}

TEST_F(Distribution, WithoutAptOrItsPackageIsOneClearError) {
  EXPECT_EQ(build({"--offline"}), 3);
  EXPECT_TRUE(errors.str().contains("offline")) << errors.str();
  program("apt-cache", "echo 'E: No packages found' >&2; exit 100");
  EXPECT_EQ(build(), 3);
  EXPECT_TRUE(errors.str().contains("apt-get update")) << errors.str();
  offer(members(), "something-else");
  EXPECT_EQ(build(), 3);
  EXPECT_TRUE(errors.str().contains("it depends on no linux-image-")) << errors.str();
  setenv("PATH", "/nonexistent", 1);
  EXPECT_EQ(build(), 3);
  EXPECT_TRUE(
      errors.str().starts_with("kernel-builder: kernel debian is a package of Debian's, and it could "
                               "not be had: apt-cache is not on this machine"))
      << errors.str();
  EXPECT_TRUE(errors.str().contains("kernel-builder list")) << errors.str();
  EXPECT_FALSE(fs::exists(out() / "kernel.json"));
}

TEST_F(Distribution, APackageThatLacksAPartIsRefusedAndLeavesNothing) {
  const auto refused_for = [&](const std::string& why, const std::vector<Member>& members) {
    offer(members);
    EXPECT_EQ(build(), 1) << why;
    EXPECT_TRUE(errors.str().contains(why)) << errors.str();
    EXPECT_FALSE(fs::exists(out() / "kernel.json"));
    EXPECT_FALSE(fs::exists(out() / "vmlinux.container"));
  };
  auto all = members();
  refused_for("there is no boot/vmlinuz-RELEASE in it", {all[1], all[2]});
  refused_for("there is no boot/config-", {all[0], all[2]});
  refused_for("there are no modules of Linux", {all[0], all[1]});
  auto other = all;
  other[0].content = boot_image(packed(vmlinux()), "9.2.0-1");
  refused_for("is Linux 9.2.0-1", other);
  other[0].content = "no kernel";
  refused_for("its kernel is no bzImage", other);
  other[0].content = boot_image(packed("text"), release);
  refused_for("there is no ELF file in its kernel", other);
  other = all;
  other.push_back({"./boot/vmlinuz-9.2.0", "x"});
  refused_for("more than one kernel", other);
  offer(all);
  EXPECT_EQ(build(), 0) << errors.str();
}

TEST_F(Distribution, ARecipeIsReadWithCare) {
  const auto says = [&](const std::string& text, const std::string& part) {
    recipe(text);
    EXPECT_EQ(build(), 1) << text;
    EXPECT_TRUE(errors.str().contains(part)) << errors.str();
  };
  says("name = \"debian\"\n[[package]]\narchitecture = \"x86_64\"\n", "name");
  says("name = \"debian\"\n[[package]]\narchitecture = \"x86_64\"\nname = \"-o=x\"\n", "no plain name");
  says("name = \"debian\"\n[[package]]\narchitecture = \"x86_64\"\nname = \"a\"\nsuit = \"b\"\n", "suit");
  says("name = \"debian\"\nfragments = [\"base\"]\n[[package]]\narchitecture = \"x86_64\"\nname = \"a\"\n",
       "fragments");
  const auto shipped = load_kernel_recipe(fs::path(CG_SOURCE_DIR) / "recipes/kernel/debian.toml");
  ASSERT_TRUE(shipped) << shipped.error().message;
  EXPECT_EQ(package_for(*shipped, "x86_64").value().package, "linux-image-cloud-amd64");
}

}  // namespace
}  // namespace cg
