// What one thread hands to another, in its order and a few items at a time. Used items go back to the giver,
// who fills their memory again.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace cg {

template <class Item>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t most) : most_(most) { used_.reserve(most + 1); }

  // Waits for room and hands `item` over; it becomes a used one, or a new one. False: stopped.
  bool put(Item& item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || items_.size() < most_; });
    if (stopped_) return false;
    items_.push_back(std::exchange(item, Item()));
    if (!used_.empty()) {
      item = std::move(used_.back());
      used_.pop_back();
    }
    changed_.notify_all();
    return true;
  }
  // Gives `item` back and waits for the next. False: stopped, or ended and there is no more. Takes no memory,
  // so that a thread does not end by an exception here.
  bool take(Item& item) {
    std::unique_lock lock(mutex_);
    if (used_.size() < used_.capacity()) used_.push_back(std::move(item));
    idle_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return stopped_ || ended_ || !items_.empty(); });
    if (stopped_ || items_.empty()) return false;
    item = std::move(items_.front());
    items_.pop_front();
    idle_ = false;
    changed_.notify_all();
    return true;
  }
  // There will be no more.
  void end() { set(ended_); }
  // Neither side goes on.
  void stop() { set(stopped_); }
  // Until the taker has asked for more than was put.
  void wait_until_done() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return idle_ && items_.empty(); });
  }

 private:
  void set(bool& flag) {
    const std::lock_guard lock(mutex_);
    flag = true;
    changed_.notify_all();
  }

  const std::size_t most_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::vector<Item> used_;
  bool idle_ = false;  // the taker waits
  bool ended_ = false;
  bool stopped_ = false;
};

}  // namespace cg
