#include "base/io/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>

namespace cg {
namespace {

using Batch = std::vector<int>;

// Batches {0}, {1}, … and then what `end` says.
std::function<Result<bool>(Batch&)> counting(std::atomic<int>& count, int last,
                                             std::function<Result<bool>()> end) {
  return [&count, last, end](Batch& batch) -> Result<bool> {
    if (count == last) return end();
    batch.assign(1, count++);
    return true;
  };
}

TEST(ReadAheadTest, EverythingInItsOrderAndThenTheEnd) {
  for (const int last : {0, 1, 2, 3, 50}) {
    std::atomic<int> count = 0;
    ReadAhead<Batch> ahead(counting(count, last, [] { return false; }));
    Batch batch;
    for (int i = 0; i < last; ++i) {
      ASSERT_TRUE(ahead.next(batch).value());
      ASSERT_EQ(batch, Batch{i});
    }
    EXPECT_FALSE(ahead.next(batch).value()) << last;
  }
}

TEST(ReadAheadTest, AnErrorComesAfterWhatWasBeforeIt) {
  for (const int last : {0, 2, 20}) {
    std::atomic<int> count = 0;
    ReadAhead<Batch> ahead(
        counting(count, last, []() -> Result<bool> { return cannot("the disk is gone"); }));
    Batch batch;
    for (int i = 0; i < last; ++i) ASSERT_TRUE(ahead.next(batch));
    const auto end = ahead.next(batch);
    ASSERT_FALSE(end) << last;
    EXPECT_EQ(end.error().message, "the disk is gone");
  }
}

TEST(ReadAheadTest, AnExceptionIsThrownToTheCaller) {
  for (const int last : {0, 20}) {
    std::atomic<int> count = 0;
    ReadAhead<Batch> ahead(counting(count, last, []() -> Result<bool> { throw std::bad_alloc(); }));
    Batch batch;
    for (int i = 0; i < last; ++i) ASSERT_TRUE(ahead.next(batch));
    EXPECT_THROW((void)ahead.next(batch), std::bad_alloc) << last;
  }
}

TEST(ReadAheadTest, ReadsOnlyAFewAheadAndEndsWithItsOwner) {
  std::atomic<int> count = 0;
  {
    ReadAhead<Batch> ahead(counting(count, 1000000, [] { return false; }));
    Batch batch;
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(ahead.next(batch));
  }
  EXPECT_LT(count, 20);
}

}  // namespace
}  // namespace cg
