// The lab's data is sound, and its table counts what it should; the lab itself runs in a guest.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "change.h"
#include "criu/matrix.h"
#include "random.h"
#include "start.h"
#include "table.h"
#include "task.h"
#include "task_random.h"
#include "temporary_directory.h"
#include "trial.h"

namespace cg::lab {
namespace {

namespace fs = std::filesystem;
const fs::path checkout = CG_SOURCE_DIR;

TEST(LabCases, NameOnlyWhatThereIs) {
  const auto cases = load_cases(checkout / "lab/cases.toml");
  ASSERT_TRUE(cases) << cases.error().message;
  std::set<std::string> ids;
  const auto places = known_places();
  const auto holdings = known_holdings();
  const auto changes = known_changes();
  for (const auto& one : *cases) {
    EXPECT_TRUE(ids.insert(one.id).second) << one.id << " stands twice";
    for (const auto& change : one.change)
      EXPECT_NE(std::ranges::find(changes, split(change, ' ').front()), changes.end()) << one.id << ": " << change;
    EXPECT_NE(std::ranges::find(places, one.place), places.end()) << one.id << ": " << one.place;
    for (const auto& held : one.holds)
      EXPECT_NE(std::ranges::find(holdings, held), holdings.end()) << one.id << ": " << held;
  }
  EXPECT_GE(ids.size(), 100U);
}

TEST(LabCases, EveryProofOfTheMatrixIsACaseOfTheLab) {
  const auto matrix = builtin_matrix();
  ASSERT_TRUE(matrix) << matrix.error().message;
  const auto page = read_file(checkout / "docs/lab.md");
  ASSERT_TRUE(page);
  for (const auto& row : matrix->rows) {
    if (!row.proof.starts_with("lab:")) continue;
    EXPECT_TRUE(page->contains("`" + row.proof.substr(4) + "`")) << row.id << ": " << row.proof;
  }
}

TEST(LabCases, WhatCannotBeTakenAwayIsRefused) {
  for (const char* text :
       {"", "syscall", "syscall madvise", "null", "over /a", "no-net now", "syscall a b c"})
    EXPECT_FALSE(parse_taking(text)) << text;
  EXPECT_TRUE(parse_taking("syscall madvise EPERM arg 2 102"));
}

// A seed is a tree, always the same, of parts that the task knows.
TEST(LabCases, TreesByLot) {
  const auto places = known_places();
  const auto holdings = known_holdings();
  const auto by_chance = chances();
  std::set<std::string> trees;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Case one = random_case(seed);
    EXPECT_EQ(one.what, random_case(seed).what);
    trees.insert(one.what);
    EXPECT_NE(std::ranges::find(places, one.place), places.end()) << one.place;
    EXPECT_FALSE(one.holds.empty()) << seed;
    for (const auto& held : one.holds) {
      const auto& names = held.contains(':') ? by_chance : holdings;
      EXPECT_NE(std::ranges::find(names, held.substr(0, held.find(':'))), names.end()) << held;
    }
  }
  EXPECT_GT(trees.size(), 190U);
}

class LabTable : public ::testing::Test {
 protected:
  Result<std::string> table(const std::string& answers) {
    EXPECT_TRUE(
        write_file_atomically(directory_.path() / "cases.toml",
                              "[[case]]\nid = \"a\"\nwhat = \"A\"\n[[case]]\nid = \"b\"\nwhat = \"B\"\n"));
    EXPECT_TRUE(write_file_atomically(directory_.path() / "answers", answers));
    return lab_table(directory_.path() / "cases.toml", {directory_.path() / "answers"}, summary_);
  }
  TemporaryDirectory directory_;
  Summary summary_;
};

TEST_F(LabTable, CountsAndMarksDifferences) {
  const auto text = table(
      R"({"case":"a","criu":"3.19","kcheck":"works","happened":"hangs","agrees":false,"reasons":"","message":"m"})"
      "\n"
      R"({"case":"a","criu":"4.2","kcheck":"dump refused","happened":"dump refused","agrees":true,"reasons":"tree.x","proposed":["-j"],"with_proposal":"works"})"
      "\n"
      R"({"case":"b","criu":"4.2","kcheck":"works","happened":"works","agrees":false,"absent":"no such thing","reasons":""})"
      "\n");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_TRUE(text->contains("| `a` | A | H* | D→ok | tree.x |")) << *text;
  EXPECT_TRUE(text->contains("| `b` | B |  | - |  |")) << *text;
  EXPECT_EQ(summary_.pairs, 3U);
  EXPECT_EQ(summary_.agree, 1U);
  EXPECT_EQ(summary_.differ, 1U);
  EXPECT_EQ(summary_.absent, 1U);
}

TEST_F(LabTable, ALineThatIsNoAnswerIsRefused) {
  EXPECT_FALSE(table("{\"case\":\"a\"\n"));
  EXPECT_FALSE(table("[]\n"));
}

}  // namespace
}  // namespace cg::lab
