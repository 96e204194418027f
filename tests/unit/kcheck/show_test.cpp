// `kcheck show` and `kcheck explain --id`: the pages of what kcheck knows.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "criu/log/knowledge.h"
#include "criu/matrix.h"
#include "criu/requirements.h"
#include "json_schema.h"
#include "restore/checks/checks.h"
#include "scripted_tool.h"
#include "tasks/findings.h"
#include "temporary_directory.h"

namespace cg {
namespace {

TEST(Show, APageHasWhatTheRowsOfTheIdSay) {
  const auto outcome = run_kcheck({"show", "kernel.membarrier"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* words :
       {"kernel.membarrier  requirement of CRIU\n", "kernel.membarrier  cause of an error\n",
        "severity      startup: no criu command works without\n", "symbols       MEMBARRIER\n",
        "CRIU          >=3.19\n", "of those here 3.19, 4.0,", "proof         lab:",
        "kerndat_has_membarrier_get_registrations failed", "row           recipes/criu-log.toml:"})
    EXPECT_TRUE(outcome.out.contains(words)) << words << "\n" << outcome.out;
  const auto finding = run_kcheck({"show", "tree.not-session-leader"});
  EXPECT_TRUE(finding.out.contains("finding of kcheck tree")) << finding.out;
  EXPECT_TRUE(finding.out.contains("dump with     --shell-job\n")) << finding.out;
  EXPECT_TRUE(finding.out.contains("Consider using --shell-job option")) << finding.out;
  const auto markdown = run_kcheck({"show", "tree.not-session-leader", "--format", "markdown"});
  EXPECT_TRUE(markdown.out.starts_with("## tree.not-session-leader\n")) << markdown.out;
  EXPECT_TRUE(markdown.out.contains("- dump with: `--shell-job`\n")) << markdown.out;
}

TEST(Show, AnIdOfAReportIsFoundThoughTheRowHasAHoleInIt) {
  const auto outcome = run_kcheck({"show", "tree.nested-net-namespace"});
  EXPECT_TRUE(outcome.out.starts_with("tree.nested-{kind}-namespace  finding of kcheck tree\n"))
      << outcome.out;
  EXPECT_EQ(run_kcheck({"show", "tree.nested--namespace"}).status, 2);
}

TEST(Show, ExplainPrintsTheSamePage) {
  const auto page = run_kcheck({"explain", "--id", "kernel.vdso-vclock"});
  EXPECT_EQ(page.status, 0) << page.err;
  EXPECT_EQ(page.out, run_kcheck({"show", "kernel.vdso-vclock"}).out);
  EXPECT_EQ(run_kcheck({"explain", "dump.log", "--id", "kernel.vdso-vclock"}).status, 2);
}

TEST(Show, AWrongIdIsNamedWithItsNearestNeighbours) {
  struct {
    std::string id, says;
  } const cases[] = {{"kernel.membarier", "'kernel.membarier'; did you mean kernel.membarrier"},
                     {"membarrier", "did you mean kernel.membarrier"},
                     {"tree.root-dad", "did you mean tree.root-dead"},
                     {"zzzzzzzzzzzz", "'zzzzzzzzzzzz'; `kcheck show` lists them"}};
  for (const auto& [id, says] : cases) {
    const auto outcome = run_kcheck({"show", id});
    EXPECT_EQ(outcome.status, 2) << id;
    EXPECT_TRUE(outcome.err.contains(says)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_EQ(run_kcheck({"show", "kernel.membarrier", "--format", "sarif"}).status, 2);
}

// Every row of the data, each at the line that it names.
TEST(Show, WithoutAnIdEverythingIsThere) {
  const auto outcome = run_kcheck({"show", "--format", "json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(violation_of(outcome.out, "kcheck-show.schema.json"), "");
  const auto rows = nlohmann::json::parse(outcome.out)["rows"];
  std::size_t of_others = 0;
  for (const auto& name : requirement_names()) of_others += requirements_of(name)->rows.size();
  EXPECT_EQ(rows.size(), of_others + builtin_matrix()->rows.size() + builtin_knowledge()->causes.size() +
                             tree::finding_rows().size() + restore::restore_table().rows().size());
  std::map<std::string, std::string> files;
  for (const auto& row : rows) {
    const std::string name = row["file"];
    if (!files.contains(name))
      files[name] = read_file(std::filesystem::path(CG_SOURCE_DIR) / name).value_or("");
    const auto lines = split_lines(files[name]);
    const std::size_t at = row.value("line", 0U);
    ASSERT_TRUE(at > 0 && at < lines.size()) << row;
    const std::string id = "id = \"" + row["id"].get<std::string>() + "\"";
    EXPECT_TRUE(lines[at - 1] == id || lines[at] == id) << name << ":" << at << ": " << id;
  }
  EXPECT_GT(split_lines(run_kcheck({"show"}).out).size(), 700U);
}

// Of a user's own files what they say, and where.
TEST(Show, OwnFilesStandInPlaceOfWhatIsCompiledIn) {
  TemporaryDirectory directory;
  const auto knowledge = (directory.path() / "own.toml").string();
  ASSERT_TRUE(write_file_atomically(
      knowledge,
      "[[cause]]\nid = \"own.cause\"\ntitle = \"Ours\"\nstage = \"dump\"\ntexts = [\"the text of ours\"]\n"
      "why = \"so\"\nfix = [\"do this @>=4.0\"]\nsource = [\"here\"]\n"));
  const auto outcome = run_kcheck({"explain", "--id", "own.cause", "--knowledge", knowledge});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("fix           do this (CRIU >=4.0)\n")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("row           " + knowledge)) << outcome.out;
  EXPECT_EQ(run_kcheck({"explain", "--id", "own.cause"}).status, 2);
}

}  // namespace
}  // namespace cg
