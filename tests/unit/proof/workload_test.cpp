#include "workload.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "table.h"
#include "temporary_directory.h"

namespace cg::proof {
namespace {

namespace fs = std::filesystem;
const fs::path house = CG_SOURCE_DIR;

Result<std::vector<Workload>> load(const std::string& text) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(write_file_atomically(directory.path() / "w.toml", text));
  return load_workloads(directory.path() / "w.toml");
}

std::string one(const std::string& id, const std::string& places) {
  return "[[workload]]\nid = \"" + id + "\"\nwhat = \"w\"\nplaces = " + places +
         "\nstart = \"s\"\nclient = \"c\"\n";
}

TEST(Workloads, OfTheProofAreRead) {
  const auto workloads = load_workloads(house / "proof/workloads.toml");
  ASSERT_TRUE(workloads) << workloads.error().message;
  EXPECT_GE(workloads->size(), 9U);
  for (const auto& workload : *workloads) {
    // Without it the client would find the state of before.
    const bool waits =
        workload.client.contains("\ncheckpoint\n") || workload.client.starts_with("counts_on ");
    EXPECT_TRUE(waits) << workload.id;
  }
}

TEST(Workloads, WhatIsOffIsRefusedWithItsLine) {
  for (const auto& [text, what] : std::vector<std::pair<std::string, std::string>>{
           {one("a", "[\"tree\", \"podman\"]"), "podman"},
           {one("a", "[]"), "must name a place"},
           {one("a/b", "[\"tree\"]"), "without a slash"},
           {one("a", "[\"tree\"]") + one("a", "[\"tree\"]"), "of its own"},
           {one("a", "[\"tree\"]") + "colour = \"red\"\n", "colour"}}) {
    const auto workloads = load(text);
    ASSERT_FALSE(workloads) << text;
    EXPECT_TRUE(workloads.error().message.contains(what)) << workloads.error().message;
    EXPECT_TRUE(workloads.error().message.contains("w.toml:")) << workloads.error().message;
  }
}

TEST(Rows, AreEachWorkloadInEachPlaceWithEachVersion) {
  const auto workloads = load(one("a", "[\"tree\", \"runc\"]") + one("b", "[\"systemd\"]"));
  ASSERT_TRUE(workloads);
  const auto rows = all_rows(*workloads, {"4.1.1", "4.2.1"}, {"6.12"});
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows.front().name(), "a/4.1.1/6.12/tree");
  EXPECT_EQ(rows.back().name(), "b/4.2.1/6.12/systemd");
  for (const auto& row : rows) EXPECT_EQ(parse_row(row.name())->name(), row.name());
  for (const char* name : {"", "a", "a/4.2.1/6.12", "a//6.12/tree", "a/4.2.1/6.12/tree/more"})
    EXPECT_FALSE(parse_row(name)) << name;
}

// The tables of the pages are those of the answers that lie beside them.
TEST(Pages, HaveTheTablesOfTheAnswers) {
  const auto workloads = load_workloads(house / "proof/workloads.toml");
  const auto answers = load_answers({(house / "docs/proof.jsonl").string()});
  ASSERT_TRUE(workloads && answers);
  EXPECT_TRUE(read_file(house / "docs/proof.md").value_or("").contains(long_table(*workloads, *answers)));
  // Where README.md has a place for the short one.
  const auto front = read_file(house / "README.md").value_or("");
  EXPECT_TRUE(!front.contains("<!-- proof: ") || front.contains(short_table(*workloads, *answers)));
}

}  // namespace
}  // namespace cg::proof
