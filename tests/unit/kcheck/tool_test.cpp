// The command line: inputs, outputs and exit statuses of each command.
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "criu/matrix.h"
#include "json_schema.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

const std::string header =
    "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.12.47 Kernel Configuration\n#\n"
    "CONFIG_X86_64=y\n";

// Everything that any row of the matrix asks a configuration for.
std::string ready_config() {
  std::string text = header;
  const Matrix matrix = builtin_matrix().value();
  for (const auto& row : matrix.rows)
    for (const auto& symbol : row.symbols.symbols())
      if (symbol != "EXPERT" && symbol != "MPTCP" && symbol != "IO_URING" &&
          !text.contains("CONFIG_" + symbol + "=y\n"))
        text += "CONFIG_" + symbol + "=y\n";
  return text;
}

std::string without(std::string text, const std::string& symbol) {
  const std::string line = "CONFIG_" + symbol + "=y\n";
  return text.replace(text.find(line), line.size(), "# CONFIG_" + symbol + " is not set\n");
}

TEST(Config, ExitStatuses) {
  const std::string ready = ready_config();
  struct {
    Args args;
    std::string input;
    int status;
  } const cases[] = {
      {{"config", "-"}, ready, 0},
      {{"config", "-", "--criu", "4.2.1"}, ready, 0},
      {{"config", "-", "--criu=3.19"}, without(ready, "MEMBARRIER"), 1},
      {{"config", "-", "--criu=3.18"}, without(ready, "MEMBARRIER"), 0},
      {{"config", "-", "--criu=3.17"}, without(ready, "MEMBARRIER"), 0},
      {{"config", "-", "--criu=3.18"}, without(ready, "IPV6"), 1},
      {{"config", "-", "--criu=3.17.1"}, without(ready, "HUGETLBFS"), 1},
      {{"config", "-"}, without(ready, "USERFAULTFD"), 0},
      {{"config", "-", "--strict"}, without(ready, "USERFAULTFD"), 1},
      {{"config", "-", "--feature", "lazy-pages"}, without(ready, "USERFAULTFD"), 1},
      {{"config", "-"}, "CONFIG_CHECKPOINT_RESTORE=y\n", 3},  // a fragment leaves the rest open
      {{"config", "-"}, "# CONFIG_CHECKPOINT_RESTORE is not set\n", 1},
      {{"config", "-"}, std::string("\0\1\2", 3), 1},
      {{"config", "/nonexistent/config"}, "", 3},
      {{"config"}, "", 2},
      {{"config", "-", "--criu", "99.9"}, ready, 3},
      {{"config", "-", "--feature", "nonsense"}, ready, 2},
      {{"config", "-", "--kernel", "new"}, ready, 2},
      {{"config", "-", "--arch", "vax"}, ready, 2},
      {{"config", "-", "--matrix", "/nonexistent"}, ready, 3},
      {{"image", "/nonexistent.img"}, "", 3},
      {{"image"}, "", 2},
      {{}, "", 2},
      {{"confgi"}, "", 2},
      {{"--help"}, "", 0},
      {{"--version"}, "", 0},
  };
  for (const auto& test : cases) {
    const auto outcome = run_kcheck(test.args, test.input);
    std::string words;
    for (const auto& word : test.args) words += word + " ";
    EXPECT_EQ(outcome.status, test.status) << words << "\n" << outcome.out << outcome.err;
    // Refusals and errors are said on the error stream, and no half report is printed.
    EXPECT_TRUE(test.status != 2 || (!outcome.err.empty() && outcome.out.empty())) << words << outcome.out;
  }
}

TEST(Config, MisspelledCommandSuggestsTheRightOne) {
  EXPECT_TRUE(run_kcheck({"confgi"}).err.contains("did you mean config"));
}

TEST(Config, TextNamesCauseFixAndSource) {
  const auto outcome = run_kcheck({"config", "-", "--criu=3.19"}, without(ready_config(), "MEMBARRIER"));
  EXPECT_TRUE(outcome.out.starts_with("NOT READY for CRIU 3.19: 1 requirement fails\n")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("FAIL    kernel.membarrier"));
  EXPECT_TRUE(outcome.out.contains("CONFIG_MEMBARRIER is not set"));
  EXPECT_TRUE(outcome.out.contains("fix     CONFIG_MEMBARRIER=y"));
  EXPECT_TRUE(outcome.out.contains("kerndat_has_membarrier_get_registrations failed"));
  EXPECT_TRUE(outcome.out.contains("  CRIU 3.18   ready\n"));
}

TEST(Config, SeveralFilesAreJudgedEachByItself) {
  TemporaryDirectory directory;
  const auto good = directory.path() / "good";
  const auto bad = directory.path() / "bad";
  ASSERT_TRUE(write_file_atomically(good, ready_config()));
  ASSERT_TRUE(write_file_atomically(bad, without(ready_config(), "EPOLL")));
  const auto outcome = run_kcheck({"config", good.string(), bad.string(), "--format", "json"});
  EXPECT_EQ(outcome.status, 1);
  const auto document = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(document["subjects"].size(), 2U);
  EXPECT_EQ(document["subjects"][0]["verdict"], "PASS");
  EXPECT_EQ(document["subjects"][1]["verdict"], "FAIL");
  EXPECT_EQ(document["exit_status"], 1);
  EXPECT_EQ(violation_of(document.dump(), "kcheck.schema.json"), "");
}

TEST(Config, RowsThatOnlyAProbeKnowsAreLeftOut) {
  const auto outcome = run_kcheck({"config", "-", "-v"}, ready_config());
  EXPECT_FALSE(outcome.out.contains("system.loopback"));
  EXPECT_TRUE(outcome.out.contains("kernel.membarrier"));
}

TEST(Config, ASymbolOfAnotherArchitectureIsNotApplicable) {
  std::string arm = without(ready_config(), "IA32_EMULATION");
  arm.replace(arm.find("Linux/x86"), 9, "Linux/arm64");
  const auto outcome = run_kcheck({"config", "-", "-v", "--feature", "ia32"}, arm);
  EXPECT_EQ(outcome.status, 0) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("N/A     kernel.ia32"));
}

TEST(Output, GoesWholeIntoTheFile) {
  TemporaryDirectory directory;
  const auto file = directory.path() / "report.json";
  const auto outcome = run_kcheck({"config", "-", "--format", "json", "-o", file.string()}, ready_config());
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(nlohmann::json::parse(read_file(file).value()).contains("schema"));
  EXPECT_EQ(
      run_kcheck({"config", "-", "-o", (directory.path() / "no" / "where").string()}, ready_config()).status,
      3);
}

TEST(MatrixOption, ReplacesTheBuiltInOne) {
  TemporaryDirectory directory;
  const auto file = directory.path() / "m.toml";
  const std::string row =
      "[[row]]\nid = \"house.rule\"\ntitle = \"t\"\nsymbols = \"HOUSE\"\nseverity = \"startup\"\nbreaks = "
      "\"b\"\nsource = \"s\"\nproof = \"read\"\n";
  ASSERT_TRUE(write_file_atomically(file, row));
  const auto outcome = run_kcheck({"config", "-", "--matrix", file.string()}, header + "CONFIG_UNIX=y\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.out.contains("house.rule"));
  EXPECT_FALSE(outcome.out.contains("kernel.unix"));

  ASSERT_TRUE(write_file_atomically(file, row + "probe = \"membarier\"\n"));
  const auto probe = run_kcheck({"config", "-", "--matrix", file.string()}, header);
  EXPECT_EQ(probe.status, 1);
  EXPECT_TRUE(probe.err.contains("m.toml:1")) << probe.err;
  EXPECT_TRUE(probe.err.contains("did you mean membarrier")) << probe.err;
}

}  // namespace
}  // namespace cg
