#include "base/io/bounded_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace cg {
namespace {

using Batch = std::vector<int>;

TEST(BoundedQueue, EverythingInItsOrderThenTheEnd) {
  BoundedQueue<Batch> queue(3);
  std::thread giver([&] {
    for (int i = 0; i < 1000; ++i) {
      Batch batch{i};
      queue.put(batch);
    }
    queue.end();
  });
  int expected = 0;
  for (Batch batch; queue.take(batch); ++expected) EXPECT_EQ(batch, Batch{expected});
  EXPECT_EQ(expected, 1000);
  Batch batch;
  EXPECT_FALSE(queue.take(batch));
  giver.join();
}

TEST(BoundedQueue, UsedItemsComeBackWithTheirMemory) {
  BoundedQueue<Batch> queue(2);
  Batch given(100, 1);
  const int* const memory = given.data();
  ASSERT_TRUE(queue.put(given));
  EXPECT_EQ(given, Batch());
  queue.end();
  Batch taken;
  ASSERT_TRUE(queue.take(taken));
  EXPECT_EQ(taken.data(), memory);
  EXPECT_FALSE(queue.take(taken));
  for (int left = 2; left > 0 && given.data() != memory; --left) ASSERT_TRUE(queue.put(given));
  EXPECT_EQ(given.data(), memory);
}

TEST(BoundedQueue, DoneIsWhenTheTakerAsksForMore) {
  BoundedQueue<int> queue(8);
  int sum = 0;
  std::thread taker([&] {
    for (int item = 0; queue.take(item);) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      sum += item;
    }
  });
  for (int i = 1; i <= 20; ++i) {
    int item = i;
    queue.put(item);
  }
  queue.wait_until_done();
  EXPECT_EQ(sum, 210);
  queue.stop();
  taker.join();
}

TEST(BoundedQueue, StopWakesBothSides) {
  BoundedQueue<int> queue(1);
  int one = 1;
  ASSERT_TRUE(queue.put(one));
  bool put = true;
  std::thread giver([&] {
    int two = 2;
    put = queue.put(two);
  });
  queue.stop();
  giver.join();
  EXPECT_FALSE(put);
  EXPECT_FALSE(queue.take(one));
}

}  // namespace
}  // namespace cg
