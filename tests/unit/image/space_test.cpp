#include "image/ext4/write/space.h"

#include <gtest/gtest.h>

namespace cg::image {
namespace {

TEST(Space, SparseSuperKeepsCopiesInTheseGroups) {
  std::vector<std::uint64_t> with;
  for (std::uint64_t group = 0; group < 130; ++group)
    if (has_superblock(group)) with.push_back(group);
  EXPECT_EQ(with, (std::vector<std::uint64_t>{0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125}));
}

TEST(Space, StartsBehindSuperblockAndDescriptors) {
  Space space(blocks_per_group);
  const auto run = space.allocate_contiguous(1);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->start, 2U);
}

TEST(Space, StepsOverTheCopyInTheNextGroup) {
  Space space(4 * blocks_per_group);
  const auto runs = space.allocate(blocks_per_group);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].start, 2U);
  EXPECT_EQ(runs[0].count, blocks_per_group - 2);
  EXPECT_EQ(runs[1].start, blocks_per_group + 2U);
  EXPECT_EQ(runs[1].count, 2U);
}

TEST(Space, ARunMaySpanGroupsWithoutACopy) {
  Space space(5 * blocks_per_group);
  (void)space.allocate(blocks_per_group);
  const auto run = space.allocate_contiguous(blocks_per_group + 100);  // groups 1 and 2
  ASSERT_TRUE(run);
  EXPECT_LT(run->start, 2U * blocks_per_group);
  EXPECT_GT(run->start + run->count, 2U * blocks_per_group);
  EXPECT_LE(run->start + run->count, 3U * blocks_per_group);
}

TEST(Space, SaysWhenThereIsNoRoom) {
  Space space(100);
  EXPECT_TRUE(space.allocate(99).empty());
  Space other(100);
  EXPECT_FALSE(other.allocate_contiguous(99));
}

TEST(Space, CountsWhatIsGivenBack) {
  Space space(1000);
  const auto runs = space.allocate(10);
  EXPECT_EQ(space.used(), 10U);
  space.release(runs[0]);
  EXPECT_EQ(space.used(), 0U);
}

}  // namespace
}  // namespace cg::image
