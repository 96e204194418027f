#include "criu/version.h"

#include <gtest/gtest.h>

#include <ostream>

namespace cg {
namespace {

Version v(std::string_view text) {
  return parse_version(text).value();
}

TEST(Version, ParsesWholeTextOnly) {
  EXPECT_EQ(v("4.1.1").text(), "4.1.1");
  EXPECT_EQ(v("v3.18").text(), "3.18");
  EXPECT_EQ(v("4.2"), v("4.2.0"));
  for (const char* bad : {"", "4", "4.", "4.1.1.1", "4.1-rc1", "a.b", "-1.2", "4.x", "99999999999.1"})
    EXPECT_FALSE(parse_version(bad)) << bad;
}

TEST(Version, LeadingVersionIgnoresWhatFollows) {
  EXPECT_EQ(leading_version("6.12.47-kata")->text(), "6.12.47");
  EXPECT_EQ(leading_version("6.18-rc3")->text(), "6.18");
  EXPECT_EQ(leading_version("6.1.0.1")->text(), "6.1");
  EXPECT_FALSE(leading_version("linux"));
}

TEST(Version, OrdersByNumberNotByText) {
  EXPECT_LT(v("3.9"), v("3.17.1"));
  EXPECT_LT(v("3.17"), v("3.17.1"));
  EXPECT_LT(v("4.1.1"), v("4.2"));
}

struct RangeCase {
  const char* range;
  const char* inside;  // blank-separated
  const char* outside;
};

void PrintTo(const RangeCase& range, std::ostream* out) {
  *out << range.range;
}

class VersionRangeTest : public testing::TestWithParam<RangeCase> {};

TEST_P(VersionRangeTest, Contains) {
  const auto range = VersionRange::parse(GetParam().range);
  ASSERT_TRUE(range) << range.error().message;
  const auto each = [](const char* list, auto use) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const auto end = rest.find(' ');
      use(std::string(rest.substr(0, end)));
      rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    }
  };
  each(GetParam().inside, [&](const std::string& text) { EXPECT_TRUE(range->contains(v(text))) << text; });
  each(GetParam().outside, [&](const std::string& text) { EXPECT_FALSE(range->contains(v(text))) << text; });
}

INSTANTIATE_TEST_SUITE_P(Ranges, VersionRangeTest,
                         testing::Values(RangeCase{"*", "3.17.1 4.2.1", ""}, RangeCase{"", "1.0", ""},
                                         RangeCase{">=3.19", "3.19 4.0 4.2.1", "3.18 3.17.1"},
                                         RangeCase{"<=3.17.1", "3.17 3.17.1", "3.17.2 3.18"},
                                         RangeCase{"3.18", "3.18", "3.18.1 3.19"},
                                         RangeCase{"=3.18", "3.18", "3.19"},
                                         RangeCase{">=3.18 <4.1", "3.18 4.0", "3.17.1 4.1 4.1.1"},
                                         RangeCase{">6.12 <=6.16", "6.12.1 6.16", "6.12 6.16.1"},
                                         RangeCase{"3.18 || 3.19", "3.18 3.19", "3.17.1 4.0"},
                                         RangeCase{">=6.12.34 <6.12.44 || >=6.1.142 <6.1.149",
                                                   "6.12.34 6.12.43 6.1.142 6.1.148",
                                                   "6.12.33 6.12.44 6.1.141 6.1.149 6.6 6.13"}));

TEST(VersionRange, RefusesWhatIsNoRange) {
  for (const char* bad :
       {">=", "3", "3.18,3.19", "~3.18", ">= 3.18", "3.18 ||", "|| 3.18", "3.18 || || 3.19", "3.18||3.19"})
    EXPECT_FALSE(VersionRange::parse(bad)) << bad;
}

}  // namespace
}  // namespace cg
