// `kcheck image` on small ext4 images made for the purpose.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/process.h"
#include "image/image_builder.h"
#include "image/image_programs.h"
#include "image/sources/sources.h"
#include "json_schema.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

// A program of `machine` without a loader, with `text` in it.
std::string elf_program(unsigned machine, const std::string& text) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = static_cast<Elf64_Half>(machine);
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_filesz = segment.p_memsz = text.size();
  segment.p_offset = sizeof header + sizeof segment;
  std::string bytes(sizeof header + sizeof segment, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, &segment, sizeof segment);
  return bytes + text;
}

class ImageTest : public testing::Test {
 protected:
  // What a criu holds and no other program.
  const std::string criu_text = std::string(
      "Version\0"
      "4.1.1\0Restoring FAILED.\n",
      33);

  ImageTest() : root_(directory_.path() / "root"), image_(directory_.path() / "image.img") {
    for (const char* name : {"usr/sbin", "usr/bin", "bin", "sbin", "tmp", "proc", "dev", "sys", "run"})
      fs::create_directories(root_ / name);
    put("usr/sbin/criu", elf_program(EM_X86_64, criu_text));
    put("usr/bin/tar", "tar (GNU tar)");
    put("usr/bin/gzip", "gzip");
    put("usr/bin/iptables", "iptables");
    put("usr/bin/kcheck", "kcheck");
    put("bin/sh", elf_program(EM_X86_64, "sh"));
    put("sbin/init", "init");
  }

  void put(const std::string& path, const std::string& bytes, fs::perms mode = fs::perms(0755)) {
    std::ofstream(root_ / path, std::ios::binary) << bytes;
    fs::permissions(root_ / path, mode);
  }

  Outcome check(Args more = {}) {
    auto builder = image::ImageBuilder::create(image_, {});
    EXPECT_TRUE(builder && image::add_directory(*builder, root_) && builder->finish());
    Args args = {"image", image_.string(), "--format", "json"};
    args.insert(args.end(), more.begin(), more.end());
    return run_kcheck(args);
  }

  // "VERDICT: seen" of one finding.
  static std::string finding(const Outcome& outcome, const std::string& id) {
    const auto document = nlohmann::json::parse(outcome.out);
    for (const auto& entry : document["subjects"][0]["findings"])
      if (entry["id"] == id) return entry["verdict"].get<std::string>() + ": " + entry.value("seen", "");
    return "absent";
  }

  TemporaryDirectory directory_;
  fs::path root_;
  fs::path image_;
};

TEST_F(ImageTest, AWholeImageIsReady) {
  const auto outcome = check();
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document["criu"], "4.1.1");
  EXPECT_EQ(finding(outcome, "image.criu-binary"), "PASS: static, x86_64");
  EXPECT_EQ(violation_of(document.dump(), "kcheck.schema.json"), "");
}

TEST_F(ImageTest, WithoutCriuIsNotReady) {
  fs::remove(root_ / "usr/sbin/criu");
  const auto outcome = check();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(finding(outcome, "image.criu").starts_with("FAIL"));
}

TEST_F(ImageTest, ACriuThatCannotBeExecutedDoesNotCount) {
  put("usr/sbin/criu", "x", fs::perms(0644));
  EXPECT_TRUE(finding(check(), "image.criu").starts_with("FAIL"));
}

TEST_F(ImageTest, AnotherVersionThanAskedForIsSeen) {
  EXPECT_EQ(check({"--criu", "4.1.1"}).status, 0);
  const auto outcome = check({"--criu", "3.19"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(finding(outcome, "image.criu-version"), "FAIL: the binary names 4.1.1");
}

TEST_F(ImageTest, AVersionThatTheDataDoNotCoverIsUnknown) {
  put("usr/sbin/criu", elf_program(EM_X86_64, std::string("\0"
                                                          "99.9\0Restoring FAILED.\n",
                                                          24)));
  const auto outcome = check({"--criu", "99.9"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_TRUE(finding(outcome, "criu.not-covered").starts_with("UNKNOWN"));
}

TEST_F(ImageTest, AnotherMachineIsSeen) {
  put("usr/sbin/criu", elf_program(EM_AARCH64, criu_text));
  const auto outcome = check();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(finding(outcome, "image.criu-machine").starts_with("FAIL: criu: aarch64"))
      << finding(outcome, "image.criu-machine");
}

TEST_F(ImageTest, AScriptAsCriuLeavesItOpen) {
  put("usr/sbin/criu", "#!/bin/sh\n");
  EXPECT_EQ(check().status, 3);
}

TEST_F(ImageTest, AnotherProgramAsCriuIsNone) {
  put("usr/sbin/criu", elf_program(EM_X86_64, "true"));
  const auto outcome = check();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(finding(outcome, "image.criu-binary"),
            "FAIL: /usr/sbin/criu is a program, but no CRIU: none of its texts is inside");
}

TEST_F(ImageTest, AnExtensionImageIsJudgedAsOne) {
  for (const char* name : {"usr/bin", "bin", "sbin", "tmp", "proc", "dev", "sys", "run"})
    fs::remove_all(root_ / name);
  auto outcome = check();
  EXPECT_EQ(outcome.status, 0) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("as an extension image"));
  for (const char* id : {"image.tar", "image.directory-proc", "image.init"})
    EXPECT_TRUE(finding(outcome, id).starts_with("N/A: the base image's part")) << finding(outcome, id);
  put("usr/sbin/criu", elf_program(EM_X86_64, "true"));
  EXPECT_EQ(check().status, 1) << "what it brings must be right";
}

// A base without CRIU, and what is mounted beside it: each part is looked for where it is.
TEST_F(ImageTest, ABaseAndItsExtensionAreJudgedAsOne) {
  fs::remove(root_ / "usr/sbin/criu");
  fs::remove(root_ / "usr/bin/kcheck");
  EXPECT_EQ(check().status, 1) << "the base alone has no CRIU";
  const fs::path parts = directory_.path() / "parts";
  const fs::path extension = directory_.path() / "extension.img";
  const auto make = [&](unsigned machine) {
    fs::create_directories(parts / "bin");
    for (const char* name : {"criu", "kcheck"}) {
      std::ofstream(parts / "bin" / name, std::ios::binary) << elf_program(machine, criu_text);
      fs::permissions(parts / "bin" / name, fs::perms(0755));
    }
    auto builder = image::ImageBuilder::create(extension, {});
    EXPECT_TRUE(builder && image::add_directory(*builder, parts) && builder->finish());
  };
  make(EM_X86_64);
  const auto both = check({"--extension", extension.string()});
  EXPECT_EQ(both.status, 0) << both.out << both.err;
  EXPECT_EQ(finding(both, "image.criu"), "PASS: " + extension.string() + ": /bin/criu");
  EXPECT_TRUE(finding(both, "image.kcheck").starts_with("PASS: " + extension.string()));
  EXPECT_TRUE(finding(both, "image.tar").starts_with("PASS: /usr/bin/tar")) << "of the base";
  EXPECT_TRUE(finding(both, "image.init").starts_with("PASS"));
  make(EM_AARCH64);
  EXPECT_EQ(check({"--extension", extension.string()}).status, 1) << "of another machine than the base";
  // What is missing in the base is no longer left open.
  make(EM_X86_64);
  fs::remove(root_ / "usr/bin/tar");
  EXPECT_EQ(check({"--extension", extension.string()}).status, 1);
  const auto swapped = check({"--extension", image_.string()});
  EXPECT_EQ(swapped.status, 1);
  EXPECT_TRUE(swapped.err.contains("no extension")) << swapped.err;
}

TEST_F(ImageTest, BusyboxTarIsNotGnuTar) {
  put("bin/busybox", "BusyBox tar");
  fs::remove(root_ / "usr/bin/tar");
  fs::create_symlink("/bin/busybox", root_ / "usr/bin/tar");
  const auto outcome = check();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(finding(outcome, "image.gnu-tar"), "FAIL: /usr/bin/tar is not GNU tar but busybox");
}

TEST_F(ImageTest, MissingPlacesAndPrograms) {
  for (const char* name : {"tmp", "usr/bin/gzip", "sbin/init", "bin/sh", "usr/bin/iptables"})
    fs::remove(root_ / name);
  const auto outcome = check();
  EXPECT_EQ(outcome.status, 1);
  for (const char* id : {"image.directory-tmp", "image.gzip", "image.init"})
    EXPECT_TRUE(finding(outcome, id).starts_with("FAIL")) << id;
  for (const char* id : {"image.sh", "image.connection-lock"})
    EXPECT_TRUE(finding(outcome, id).starts_with("WARN")) << id;
}

TEST_F(ImageTest, AskedFeaturesAreRequired) {
  fs::remove(root_ / "usr/bin/iptables");
  EXPECT_EQ(check().status, 0);
  EXPECT_EQ(check({"--feature", "tcp-established"}).status, 1);
}

TEST_F(ImageTest, TheKernelsWindowsAreNamed) {
  const auto kernel = directory_.path() / "vmlinux";
  ASSERT_TRUE(write_file_atomically(kernel, "junk Linux version %s junk Linux version 6.18.3-kata (x)\n"));
  const auto outcome = check({"--kernel", kernel.string()});
  EXPECT_EQ(outcome.status, 1) << outcome.out;
  EXPECT_TRUE(finding(outcome, "window.pass-credentials").starts_with("FAIL"));
  EXPECT_TRUE(finding(outcome, "window.vvar-vclock").starts_with("N/A"));
  ASSERT_TRUE(write_file_atomically(kernel, "no kernel"));
  EXPECT_EQ(check({"--kernel", kernel.string()}).status, 1);
}

// A kernel that does not carry its configuration is no kernel that is ready; one can be given beside it.
TEST_F(ImageTest, AKernelWithoutItsConfigurationLeavesItOpen) {
  const auto kernel = directory_.path() / "vmlinux", config = directory_.path() / "config";
  ASSERT_TRUE(write_file_atomically(kernel,
                                    "\x7f"
                                    "ELF\2\1\1 junk Linux version 6.12.3-x (y)\n"));
  auto outcome = check({"--kernel", kernel.string()});
  EXPECT_EQ(outcome.status, 3) << outcome.out;
  EXPECT_TRUE(finding(outcome, "image.kernel-config").starts_with("UNKNOWN"));
  EXPECT_TRUE(outcome.out.contains("--config FILE")) << outcome.out;
  ASSERT_TRUE(write_file_atomically(
      config, "# Linux/x86 6.12.3 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_NET=y\n"));
  outcome = check({"--kernel", kernel.string(), "--config", config.string()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(finding(outcome, "kernel.membarrier").starts_with("FAIL")) << outcome.out;
  ASSERT_TRUE(write_file_atomically(config, "# Linux/x86 5.10.1 Kernel Configuration\nCONFIG_X86_64=y\n"));
  outcome = check({"--kernel", kernel.string(), "--config", config.string()});
  EXPECT_TRUE(finding(outcome, "image.kernel-config").starts_with("FAIL"))
      << finding(outcome, "image.kernel-config");
  EXPECT_EQ(check({"--config", (directory_.path() / "none").string()}).status, 3);
}

// Debian's releases name a series and a count, and the configuration beside the kernel the version.
TEST_F(ImageTest, ADistributionsReleaseIsNoVersion) {
  const auto judge = [&](const std::string& release, const std::string& version) {
    const auto kernel = directory_.path() / "vmlinux";
    EXPECT_TRUE(write_file_atomically(kernel,
                                      "\x7f"
                                      "ELF\2\1\1 junk Linux version " +
                                          release + " (y)\n"));
    EXPECT_TRUE(write_file_atomically(
        directory_.path() / ("config-" + release),
        "# Linux/x86 " + version + " Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_NET=y\n"));
    return finding(check({"--kernel", kernel.string()}), "image.kernel-config");
  };
  EXPECT_TRUE(judge("6.1.0-56-cloud-amd64", "6.1.192").starts_with("PASS"));
  EXPECT_TRUE(judge("6.1.0-56-cloud-amd64", "6.2.1").starts_with("FAIL"));
  EXPECT_TRUE(judge("6.1.5-56-cloud-amd64", "6.1.192").starts_with("FAIL"));
  EXPECT_TRUE(judge("6.1.0-kata", "6.1.192").starts_with("FAIL"));
  EXPECT_TRUE(judge("6.1.0-rc3", "6.1.0").starts_with("PASS"));
}

// A kernel with its configuration inside: every row is judged, and a module counts when the image has it.
TEST_F(ImageTest, AModuleCountsWhereItIsInTheImage) {
  ProcessOptions options;
  options.input =
      "# Linux/x86 6.12.3 Kernel Configuration\nCONFIG_MODULES=y\nCONFIG_UNIX_DIAG=m\nCONFIG_TUN=m\n";
  const auto packed = run({"gzip", "-c"}, options);
  ASSERT_TRUE(packed);
  const auto kernel = directory_.path() / "vmlinux";
  ASSERT_TRUE(write_file_atomically(kernel,
                                    "\x7f"
                                    "ELF\2\1\1 Linux version 6.12.3-x (y) IKCFG_ST" +
                                        packed->out + "IKCFG_ED"));
  fs::create_directories(root_ / "lib/modules/6.12.3-x/kernel/net/unix");
  put("lib/modules/6.12.3-x/kernel/net/unix/unix-diag.ko.xz", "module");
  const auto outcome = check({"--kernel", kernel.string()});
  EXPECT_EQ(finding(outcome, "kernel.unix-diag"), "PASS: CONFIG_UNIX_DIAG=m; the image has the module");
  EXPECT_EQ(finding(outcome, "kernel.tun"), "WARN: CONFIG_TUN=m without its module in the image");
  EXPECT_TRUE(finding(outcome, "kernel.membarrier").starts_with("FAIL")) << outcome.out;
}

TEST_F(ImageTest, OtherFilesAreRefused) {
  const auto file = directory_.path() / "text";
  ASSERT_TRUE(write_file_atomically(file, std::string(100000, 'x')));
  const auto outcome = run_kcheck({"image", file.string()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains(file.string()));
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace cg
