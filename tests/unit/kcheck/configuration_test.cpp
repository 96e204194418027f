// `kcheck stuck`, `why`, `fragment` and `config --fragments` as a user calls them, over a small tree of
// Kconfig files.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "json_schema.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

class Configuration : public ::testing::Test {
 protected:
  void SetUp() override {
    put("Kconfig",
        "mainmenu \"t\"\n"
        "config MODULES\n\tbool \"modules\"\n\tmodules\n"
        "config EXPERT\n\tbool \"Expert\"\n"
        "config B\n\tbool \"B\"\n"
        "config A\n\tbool \"A\"\n\tdepends on B\n"
        "config MEMBARRIER\n\tbool \"membarrier\" if EXPERT\n\tdefault y\n");
    put(".config",
        "# Linux/x86 6.12.0 Kernel Configuration\n# CONFIG_EXPERT is not set\n# CONFIG_B is not set\n"
        "CONFIG_MEMBARRIER=y\n");
  }
  void put(const std::string& name, const std::string& text) {
    const auto file = directory_.path() / name;
    std::filesystem::create_directories(file.parent_path());
    ASSERT_TRUE(write_file_atomically(file, text));
  }
  std::string path(const std::string& name = "") const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(Configuration, StuckNamesEachReasonAndBothPlaces) {
  put("f.conf", "CONFIG_A=y\nCONFIG_NO_SUCH=y\nCONFIG_MEMBARRIER=n\n");
  const auto outcome =
      run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config"), "--tree", path()});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("3 of 3 requested symbols did not get their value")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("depends on B (Kconfig:11): B is n")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("f.conf:1")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("unknown to this kernel")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("MEMBARRIER can be asked for only if EXPERT")) << outcome.out;
}

TEST_F(Configuration, StuckIsQuietWhenEverythingStuck) {
  put("f.conf", "CONFIG_MEMBARRIER=y\n");
  EXPECT_EQ(
      run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config"), "--tree", path()})
          .status,
      0);
}

TEST_F(Configuration, WhyAnswersForOffAndForOn) {
  const auto off = run_kcheck({"why", "A", "--config", path(".config"), "--tree", path()});
  EXPECT_EQ(off.status, 0) << off.err;
  EXPECT_TRUE(off.out.contains("CONFIG_B=y, CONFIG_A=y")) << off.out;
  const auto on = run_kcheck({"why", "CONFIG_MEMBARRIER", "--config", path(".config"), "--tree", path()});
  EXPECT_TRUE(on.out.contains("its prompt is hidden")) << on.out << on.err;
  const auto none = run_kcheck({"why", "MEMBARIER", "--config", path(".config"), "--tree", path()});
  EXPECT_NE(none.status, 0);
  EXPECT_TRUE((none.out + none.err).contains("MEMBARRIER")) << none.out << none.err;
}

TEST_F(Configuration, OfTwoFragmentsTheLaterWinsAndBothPlacesAreNamed) {
  put("a.conf", "CONFIG_MEMBARRIER=y\nCONFIG_EPOLL=n\n");
  put("b.conf", "CONFIG_MEMBARRIER=n\n");
  const auto outcome = run_kcheck({"config", "--criu=3.19", "--fragments", path("a.conf"), path("b.conf")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("b.conf:1")) << outcome.err;
  EXPECT_TRUE(outcome.err.contains("a.conf:1")) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("FAIL    kernel.membarrier")) << outcome.out;
}

TEST_F(Configuration, AFragmentStatesWhatIsOnByDefaultToo) {
  const auto outcome = run_kcheck({"fragment", "--criu=3.19", "--arch", "x86_64"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("\nCONFIG_MEMBARRIER=y\n")) << outcome.out;
  const auto old = run_kcheck({"fragment", "--criu=3.17.1", "--arch", "x86_64"});
  EXPECT_FALSE(old.out.contains("CONFIG_MEMBARRIER")) << old.out;
  // It must be a fragment that kcheck itself finds ready, as far as a fragment can tell.
  put("made.conf", outcome.out);
  const auto judged = run_kcheck({"config", "--criu=3.19", path("made.conf")});
  EXPECT_NE(judged.status, 1) << judged.out;
}

TEST_F(Configuration, AConfigurationThatDoesNotSayItsArchitecture) {
  put("bare", "CONFIG_B=y\n");
  const auto outcome = run_kcheck({"fragment", "--criu=3.19", "--config", path("bare"), "--tree", path()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.err.contains("give --arch")) << outcome.err;
}

TEST_F(Configuration, JsonOfEachCommandIsAsItsSchemaSays) {
  put("f.conf", "CONFIG_A=y\nCONFIG_MEMBARRIER=y\nCONFIG_MEMBARRIER=n\nCONFIG_NO_SUCH=y\n");
  const std::vector<std::vector<std::string>> reports = {
      {"stuck", "--fragments", path("f.conf"), "--config", path(".config"), "--tree", path()},
      {"why", "A", "--config", path(".config"), "--tree", path()},
      {"why", "MEMBARIER", "--config", path(".config"), "--tree", path()},
      {"config", path(".config"), path("f.conf"), "--feature", "all"}};
  for (auto words : reports) {
    words.insert(words.end(), {"--format", "json"});
    const auto outcome = run_kcheck(words);
    EXPECT_EQ(violation_of(outcome.out, "kcheck.schema.json"), "") << words[0] << outcome.out << outcome.err;
  }
  for (const char* architecture : {"x86_64", "arm64", "any"}) {
    const auto outcome = run_kcheck(
        {"fragment", "--criu=all", "--feature", "all", "--arch", architecture, "--format", "json"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(violation_of(outcome.out, "kcheck-fragment.schema.json"), "");
    EXPECT_EQ(nlohmann::json::parse(outcome.out)["architecture"], architecture);
  }
}

TEST_F(Configuration, WhatAnotherArchitectureDoesNotHaveIsNotApplicable) {
  const std::pair<const char*, const char*> machines[] = {
      {"arm64", "arm64"}, {"s390", "s390x"}, {"powerpc", "ppc64le"}, {"riscv", "riscv64"}};
  for (const auto& [header, name] : machines) {
    put("c", std::string("# Linux/") + header +
                 " 6.12.47 Kernel Configuration\nCONFIG_64BIT=y\nCONFIG_PPC64=y\n"
                 "CONFIG_CPU_LITTLE_ENDIAN=y\nCONFIG_MEMBARRIER=y\n");
    const auto outcome = run_kcheck({"config", "--criu=4.2", "--format", "json", path("c")});
    EXPECT_EQ(outcome.status, 1) << "what it lacks fails it";
    std::size_t seen = 0;
    const auto report = nlohmann::json::parse(outcome.out);
    for (const auto& finding : report["subjects"][0]["findings"]) {
      const std::string id = finding["id"];
      if (id != "kernel.breakpoints" && id != "kernel.ia32") continue;
      EXPECT_EQ(finding["verdict"], "N/A") << id << " on " << name;
      EXPECT_EQ(finding["seen"], std::string("does not exist on ") + name + " (only on x86_64)");
      ++seen;
    }
    EXPECT_EQ(seen, 2U) << name;
  }
}

// Every symbol of the matrix is a bool or a tristate; another value is dropped by conf, and is no PASS.
TEST_F(Configuration, AValueThatTheSymbolCannotHaveIsNoPass) {
  for (const char* value : {"1", "0x1", "\"y\""}) {
    put("c", std::string("# Linux/x86 6.12.47 Kernel Configuration\nCONFIG_MEMBARRIER=") + value + "\n");
    const auto outcome = run_kcheck({"config", "--criu=3.19", path("c")});
    EXPECT_TRUE(outcome.out.contains("FAIL    kernel.membarrier")) << outcome.out;
  }
}

TEST_F(Configuration, ContradictoryLinesOfOneFileAreNamed) {
  put("c",
      "# Linux/x86 6.12.47 Kernel Configuration\nCONFIG_MEMBARRIER=y\r\nCONFIG_UNIX=y\nCONFIG_UNIX=y\n"
      "# CONFIG_MEMBARRIER is not set\n#CONFIG_EPOLL is not set\n");
  const auto outcome = run_kcheck({"config", "--criu=3.19", path("c")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("c:5: CONFIG_MEMBARRIER=n replaces y of " + path("c") + ":2"))
      << outcome.err;
  EXPECT_TRUE(outcome.err.contains("c:6: read as a comment")) << outcome.err;
  EXPECT_FALSE(outcome.err.contains("CONFIG_UNIX")) << "saying the same twice is no contradiction";
  EXPECT_TRUE(outcome.out.contains("FAIL    kernel.membarrier")) << outcome.out;
}

TEST_F(Configuration, AFragmentForAnyArchitectureIsNotMadeFromATree) {
  const auto outcome = run_kcheck({"fragment", "--criu=3.19", "--arch", "any", "--tree", path()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.err.contains("--arch any")) << outcome.err;
}

// Real configurations have comments behind values, and a broken file among good ones.
TEST_F(Configuration, WhatConfReadsIsReadAndSaid) {
  put("f.conf", "CONFIG_EPOLL=y\nCONFIG_MEMBARRIER=n   # usually off\n");
  const auto outcome = run_kcheck({"config", "--criu=3.19", path("f.conf"), path(".config")});
  EXPECT_TRUE(outcome.err.contains("f.conf:2: conf reads CONFIG_MEMBARRIER=n, and drops the rest"))
      << outcome.err;
  EXPECT_TRUE(outcome.out.contains("FAIL    kernel.membarrier")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("f.conf:2\n")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains(".config (configuration")) << outcome.out;
}

TEST_F(Configuration, AFileThatCannotBeReadDoesNotStopTheOthers) {
  put("prose", "no configuration\nat all\n");
  const auto outcome =
      run_kcheck({"config", "--criu=3.19", path("none"), path("prose"), path(".config"), "--format", "json"});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_EQ(violation_of(outcome.out, "kcheck.schema.json"), "");
  const auto subjects = nlohmann::json::parse(outcome.out)["subjects"];
  ASSERT_EQ(subjects.size(), 3U);
  EXPECT_EQ(subjects[0]["verdict"], "UNKNOWN") << "it is not there";
  EXPECT_EQ(subjects[1]["verdict"], "FAIL") << "it is none";
  EXPECT_GT(subjects[2]["findings"].size(), 20U);
  // Alone it is the command's own error.
  EXPECT_EQ(run_kcheck({"config", "--criu=3.19", path("none")}).status, 3);
  EXPECT_EQ(run_kcheck({"config", "--criu=3.19", path("prose")}).out, "");
}

TEST_F(Configuration, AKernelThatTheLabHasNotSeenIsSaid) {
  for (const auto& [kernel, said] : {std::pair{"99.1.2", true}, {"7.3.9", false}, {"6.12.1", false}}) {
    const auto outcome = run_kcheck({"config", "--criu=4.2.1", "--kernel", kernel, path(".config")});
    EXPECT_EQ(outcome.out.contains("newer than any that the lab has seen (7.3)"), said) << outcome.out;
  }
}

TEST_F(Configuration, OneCureForManyRowsIsToldOnce) {
  put("c",
      "# Linux/x86 6.12.47 Kernel "
      "Configuration\nCONFIG_X86_64=y\nCONFIG_NET=y\nCONFIG_UNIX=y\nCONFIG_INET=y\n");
  const auto outcome = run_kcheck({"config", "--criu=4.2.1", "--format", "json", path("c")});
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(violation_of(outcome.out, "kcheck.schema.json"), "");
  const std::vector<std::string> lines = report["subjects"][0]["cure"]["lines"];
  const std::string cure = join(lines, "\n") + "\n";
  for (const char* line : {"CONFIG_CHECKPOINT_RESTORE=y", "CONFIG_UNIX_DIAG=y", "CONFIG_MEMBARRIER=y"})
    EXPECT_EQ(cure.find(line), cure.rfind(line)) << line << " in " << cure;
  EXPECT_TRUE(("\n" + cure).contains("\nCONFIG_CHECKPOINT_RESTORE=y\n")) << cure;
  EXPECT_FALSE(cure.contains("CONFIG_NET=y")) << "it is there: " << cure;
  // They are all it takes.
  std::string cured = read_file(path("c")).value() + cure;
  put("cured", cured);
  const auto again = run_kcheck({"config", "--criu=4.2.1", path("cured")});
  EXPECT_EQ(again.status, 0) << again.out << again.err;
  // A person finds them at the end, and the command that writes them down.
  const auto text = run_kcheck({"config", "--criu=4.2.1", path("c")});
  EXPECT_TRUE(text.out.ends_with(
      fmt::format("These {} lines cure all that a configuration can:\n{}"
                  "As a file, with what is there already:\n"
                  "kcheck fragment --criu 4.2.1 --arch x86_64 --kernel 6.12.47 > criu.conf\n",
                  lines.size(), cure)))
      << text.out;
  const auto fragment =
      run_kcheck({"fragment", "--criu", "4.2.1", "--arch", "x86_64", "--kernel", "6.12.47"});
  EXPECT_EQ(fragment.status, 0) << fragment.err;
  for (const auto& line : lines) EXPECT_TRUE(fragment.out.contains(line + "\n")) << line;
}

TEST_F(Configuration, StuckKnowsTheSymbolsOfOtherMachines) {
  put("arch/arm64/Kconfig", "config OURS\n\tbool \"ours\"\n");
  put("arch/x86/Kconfig", "config HYPERVISOR_GUEST\n\tbool \"guest\"\n");
  put("f.conf", "CONFIG_HYPERVISOR_GUEST=y\n");
  const auto outcome = run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config"),
                                   "--tree", path(), "--arch", "arm64"});
  EXPECT_TRUE(outcome.out.contains("for arm64: a symbol of x86")) << outcome.out << outcome.err;
  EXPECT_FALSE(outcome.out.contains("did you mean"));
}

TEST_F(Configuration, WithoutModulesAModuleIsNoRemedy) {
  put("Kconfig",
      "mainmenu \"t\"\nconfig MODULES\n\tbool \"modules\"\n\tmodules\nconfig B\n\tbool \"B\"\n"
      "config T\n\ttristate \"T\"\n\tdepends on B\n");
  put("f.conf", "CONFIG_T=m\n");
  const auto outcome =
      run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config"), "--tree", path()});
  EXPECT_TRUE(outcome.out.contains("MODULES is n")) << outcome.out << outcome.err;
  EXPECT_TRUE(outcome.out.contains("CONFIG_B=y, CONFIG_T=y")) << outcome.out;
  EXPECT_FALSE(outcome.out.contains("CONFIG_T=m, ")) << outcome.out;
}

TEST_F(Configuration, ARequestThatConfDropsIsStuck) {
  put("f.conf", "CONFIG_MEMBARRIER=y\nCONFIG_DEFAULT_HOSTNAME=guest\n");
  const auto outcome = run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.out.contains("f.conf:2: conf drops CONFIG_DEFAULT_HOSTNAME")) << outcome.out;
}

// ARCH=x86 over allnoconfig is a 32-bit kernel; a conf that says which ARCH it was called with.
TEST_F(Configuration, AllnoconfigIsResolvedForTheArchitectureThatIsNamed) {
  put("arch/x86/Kconfig", "");
  put("scripts/kconfig/conf",
      "#!/bin/sh\n[ \"$ARCH\" = x86_64 ] && v=y || v=n\n"
      "printf '# Linux/x86 6.12.0 Kernel Configuration\\nCONFIG_X86_64=%s\\n' $v > \"$KCONFIG_CONFIG\"\n");
  std::filesystem::permissions(path("scripts/kconfig/conf"), std::filesystem::perms(0755));
  put("f.conf", "CONFIG_B=y\n");
  for (const auto& [architecture, wide] : {std::pair{"x86_64", true}, {"i386", false}}) {
    const auto outcome = run_kcheck({"config", "--criu=4.2.1", "--fragments", path("f.conf"), "--base",
                                     "allnoconfig", "--tree", path(), "--arch", architecture});
    EXPECT_EQ(outcome.out.contains("machine.no-port"), !wide) << architecture << outcome.out << outcome.err;
  }
}

TEST_F(Configuration, AFragmentSaysWhatNoLineCures) {
  const auto broken = run_kcheck({"fragment", "--criu=4.1.1", "--arch", "x86_64", "--kernel", "6.18"});
  EXPECT_TRUE(broken.out.contains("# No line cures this for CRIU 4.1.1: SO_PASSCRED")) << broken.out;
  const auto whole = run_kcheck({"fragment", "--criu=4.2.1", "--arch", "x86_64", "--kernel", "6.18"});
  EXPECT_FALSE(whole.out.contains("No line cures")) << whole.out;
  const auto nowhere = run_kcheck({"fragment", "--criu=4.2.1", "--arch", "i386"});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_TRUE(nowhere.err.contains("does not run on i386")) << nowhere.err;
}

}  // namespace
}  // namespace cg
