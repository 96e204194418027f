#include "criu/matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <ostream>

#include "criu/versions.h"

namespace cg {
namespace {

const std::string good_row = R"([[row]]
id = "kernel.x"
title = "x"
symbols = "X"
severity = "startup"
breaks = "b"
source = "s"
proof = "read"
)";

TEST(Matrix, TheBuiltInOneIsWhole) {
  const auto matrix = builtin_matrix();
  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_GT(matrix->rows.size(), 90U);
  for (const auto& row : matrix->rows) {
    EXPECT_FALSE(row.title.empty()) << row.id;
    EXPECT_FALSE(row.breaks.empty()) << row.id;
    EXPECT_FALSE(row.source.empty()) << row.id;
    EXPECT_TRUE(
        std::ranges::any_of(criu_versions().all, [&](const Version& v) { return row.criu.contains(v); }))
        << row.id << " is for no known CRIU version";
  }
}

// Rows that nothing was run for: a number that may only go down.
TEST(Matrix, RowsThatWereOnlyRead) {
  const auto matrix = builtin_matrix().value();
  const auto read = std::ranges::count(matrix.rows, "read", &MatrixRow::proof);
  std::cout << read << " of " << matrix.rows.size() << " rows are only read\n";
  RecordProperty("rows_only_read", static_cast<int>(read));
  EXPECT_LE(read, 71);
}

// The rows whose absence costs users days: for exactly these versions.
TEST(Matrix, StartUpRowsHaveTheirVersions) {
  const auto matrix = builtin_matrix().value();
  const std::pair<const char*, const char*> ranges[] = {{"kernel.membarrier", ">=3.19"},
                                                        {"kernel.madvise", ">=4.2"},
                                                        {"kernel.memfd-hugetlb", "<3.18"},
                                                        {"kernel.ipv6-3-18", "3.18"},
                                                        {"kernel.nsid", "<3.19"},
                                                        {"window.vvar-vclock", "<4.1"},
                                                        {"window.pass-credentials", "<4.2"},
                                                        {"kernel.breakpoints", ">=4.2 <4.3"},
                                                        {"kernel.binfmt-sandbox", ">=4.3"},
                                                        {"kernel.clone3-threads", ">=4.3"}};
  for (const auto& [id, range] : ranges) {
    const auto row = std::ranges::find(matrix.rows, id, &MatrixRow::id);
    ASSERT_NE(row, matrix.rows.end()) << id;
    for (const auto& version : criu_versions().all)
      EXPECT_EQ(row->criu.contains(version), VersionRange::parse(range)->contains(version))
          << id << " " << version.text();
  }
}

TEST(Matrix, ReadsEveryField) {
  const auto matrix = parse_matrix(R"([[row]]
id = "kernel.y"
title = "t"
symbols = "A && !B"
probe = "p"
criu = ">=3.19"
kernel = ">=5.6"
architectures = ["arm64"]
severity = "feature:lazy-pages"
window = true
breaks = "b"
fix = "f"
source = "s"
proof = "lab:case"
)",
                                   "m.toml");
  ASSERT_TRUE(matrix) << matrix.error().message;
  const auto& row = matrix->rows.front();
  EXPECT_EQ(row.severity, Severity::feature);
  EXPECT_EQ(row.feature, "lazy-pages");
  EXPECT_EQ(severity_text(row), "feature:lazy-pages");
  EXPECT_FALSE(row.required());
  EXPECT_TRUE(row.window);
  EXPECT_EQ(row.line, 1);
  EXPECT_EQ(matrix->features(), std::vector<std::string>{"lazy-pages"});
}

struct BadCase {
  const char* name;
  std::string from;
  std::string to;
  const char* message;
};

void PrintTo(const BadCase& bad, std::ostream* out) {
  *out << bad.name;
}

class BadMatrixTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadMatrixTest, IsRefusedWithFileAndLine) {
  std::string text = good_row;
  if (!GetParam().from.empty())
    text.replace(text.find(GetParam().from), GetParam().from.size(), GetParam().to);
  else
    text = GetParam().to;
  const auto matrix = parse_matrix(text, "m.toml");
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().kind, ErrorKind::refused);
  EXPECT_TRUE(matrix.error().message.starts_with("m.toml:")) << matrix.error().message;
  EXPECT_TRUE(matrix.error().message.contains(GetParam().message)) << matrix.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Bad, BadMatrixTest,
    testing::Values(BadCase{"severity", "startup", "start-up", "m.toml:5"},
                    BadCase{"nearest", "startup", "start-up", "did you mean startup"},
                    BadCase{"feature", "startup", "feature:", "none of"},
                    BadCase{"key", "title", "titel", "did you mean title"},
                    BadCase{"missing", "breaks = \"b\"\n", "", "breaks: missing"},
                    BadCase{"expression", "\"X\"", "\"X &&\"", "a symbol is missing"},
                    BadCase{"range", "breaks = \"b\"", "breaks = \"b\"\ncriu = \"new\"",
                            "not a version range"},
                    BadCase{"proof", "\"read\"", "\"seen\"", "lab:CASE"},
                    BadCase{"nothing", "symbols = \"X\"\n", "", "needs symbols, a probe"},
                    BadCase{"toml", "title = ", "title ", "m.toml:3"},
                    BadCase{"architecture", "breaks", "architectures = [\"x86\"]\nbreaks", "x86"},
                    BadCase{"window", "breaks", "window = true\nbreaks", "needs a kernel range"},
                    BadCase{"empty", "", "", "row"},
                    BadCase{"duplicate", "", good_row + good_row, "already taken by line 1"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace cg
