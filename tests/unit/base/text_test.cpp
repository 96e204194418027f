#include "base/text.h"

#include <gtest/gtest.h>

namespace cg {
namespace {

TEST(Text, SplitLinesTakesBothLineEndsAndNoPhantomLastLine) {
  EXPECT_EQ(split_lines("a\r\nb\n"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(split_lines("a\n\nb"), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_TRUE(split_lines("").empty());
}

TEST(Text, NearestRanksByDistanceAndDropsTheImplausible) {
  EXPECT_EQ(nearest("fecth", {"build", "fetch", "list"}), (std::vector<std::string>{"fetch"}));
  EXPECT_EQ(did_you_mean("xyzzy", {"build", "fetch"}), "");
}

TEST(Text, HumanUnits) {
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(4'712'345), "4.7 MB");
  EXPECT_EQ(human_seconds(185.2), "3 min 05 s");
}

}  // namespace
}  // namespace cg
