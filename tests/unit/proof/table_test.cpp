#include "table.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg::proof {
namespace {

const std::vector<Workload> workloads{{"b", "program b", {"tree", "runc"}, "", ""},
                                      {"a", "program a", {"tree"}, "", ""}};

constexpr auto restored =
    R"({"row":"b/4.2.1/6.12/tree","kernel":"6.12.117","kcheck":"READY","seconds":{"dump":1.234,"frozen":0.5,"restore":0.75},)"
    R"("bytes":{"images":2000000,"archive":30000},"result":"restored","held":"all"})";
constexpr auto refused_one =
    R"({"row":"b/4.1.1/6.12/tree","kernel":"6.12.117","kcheck":"NOT READY","findings":["tree.x: no way: here"],)"
    R"("criu_says":"Error (criu/x.c:1): no","result":"refused","why":"w"})";
constexpr auto failed =
    R"({"row":"a/4.2.1/6.12/tree","kernel":"6.12.117","kcheck":"READY","result":"state","why":"lost\nall"})";

Result<Answers> load(const std::string& text) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(write_file_atomically(directory.path() / "x.jsonl", text));
  return load_answers({(directory.path() / "x.jsonl").string()});
}

TEST(Table, HasALineForEachRowInTheWorkloadsOrder) {
  const auto answers = load(std::string(failed) + "\n" + restored + "\n" + refused_one + "\n");
  ASSERT_TRUE(answers) << answers.error().message;
  const std::string table = long_table(workloads, *answers);
  const auto refusal = table.find("| b | tree | 6.12.117 | 4.1.1 | NOT READY |  |  |  |  |  | `tree.x` |");
  const auto success = table.find(
      "| b | tree | 6.12.117 | 4.2.1 | READY | 1.23 | 0.50 | 0.75 | 2.0 MB | 30.0 kB | restored |");
  const auto failure = table.find("| a | tree | 6.12.117 | 4.2.1 | READY |  |  |  |  |  | **state fails** |");
  EXPECT_LT(refusal, success) << table;
  EXPECT_LT(success, failure) << table;
  EXPECT_NE(failure, table.npos) << table;
  EXPECT_TRUE(table.contains("3 rows: 1 restored, 1 refused by kcheck beforehand, 1 failed.")) << table;
  EXPECT_TRUE(table.contains("- a/4.2.1/6.12/tree: lost all\n")) << table;
  EXPECT_TRUE(table.contains("says Error (criu/x.c:1): no")) << table;
}

TEST(Table, TheShortOneSaysOnceWhatAllVersionsDo) {
  const auto answers = load(std::string(failed) + "\n" + restored + "\n" + refused_one + "\n");
  ASSERT_TRUE(answers);
  const std::string table = short_table(workloads, *answers);
  EXPECT_TRUE(table.contains("With CRIU 4.1.1, 4.2.1 on Linux 6.12:")) << table;
  EXPECT_TRUE(table.contains("| program b | 4.1.1: `tree.x`; 4.2.1: restored |")) << table;
  EXPECT_TRUE(table.contains("| program a | **state fails** |")) << table;
}

TEST(Answers, TheLaterOneOfARowCounts) {
  const std::string again = std::string(restored);
  std::string first = again;
  first.replace(first.find("\"restored\""), 10, "\"state\"   ");
  const auto answers = load(first + "\n" + again + "\n");
  ASSERT_TRUE(answers);
  ASSERT_EQ(answers->size(), 1U);
  EXPECT_EQ(answers->front().value("result", ""), "restored");
}

TEST(Answers, WhatIsNoneIsRefused) {
  for (const char* line :
       {"{}", "no json", R"({"row":"a/b","result":"restored"})", R"({"row":"b/4.2.1/6.12/tree"})"})
    EXPECT_FALSE(load(std::string(line) + "\n")) << line;
}

}  // namespace
}  // namespace cg::proof
