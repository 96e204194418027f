// A source of batches that a thread reads ahead of the caller, a few at a time. A small source never sees the
// thread: the caller reads the first batches itself.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cg {

template <class Batch>
class ReadAhead {
 public:
  // Fills a batch, with the memory of an earlier one; false: there was nothing more. It is not called again
  // after false, an error or an exception.
  using Read = std::function<Result<bool>(Batch&)>;

  explicit ReadAhead(Read read) : read_(std::move(read)) {}
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // What the thread threw is thrown here.
  Result<bool> next(Batch& batch) {
    if (!thread_.joinable() && (by_caller_ > 0 || !start())) {
      if (by_caller_ > 0) --by_caller_;
      return read_(batch);
    }
    std::unique_lock lock(mutex_);
    if (spare_.size() < most_ahead) spare_.push_back(std::move(batch));
    changed_.wait(lock, [&] { return !ready_.empty() || ended_; });
    if (ready_.empty()) {
      if (thrown_) std::rethrow_exception(thrown_);
      CG_CHECK(std::exchange(result_, {}));
      return false;
    }
    batch = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return true;
  }

 private:
  static constexpr std::size_t most_ahead = 4;

  bool start() {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {
      return false;  // no more threads here: the caller goes on as it began
    }
    return true;
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      changed_.wait(lock, [&] { return stop_ || ready_.size() < most_ahead; });
      if (stop_) return;
      Batch batch;
      if (!spare_.empty()) {
        batch = std::move(spare_.back());
        spare_.pop_back();
      }
      lock.unlock();
      Result<bool> more = false;
      std::exception_ptr thrown;
      try {
        more = read_(batch);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      if (!thrown && more && *more) {
        ready_.push_back(std::move(batch));
      } else {
        ended_ = true;
        thrown_ = thrown;
        if (!thrown && !more) result_ = std::unexpected(std::move(more).error());
      }
      changed_.notify_all();
    }
  }

  Read read_;
  int by_caller_ = 2;
  std::thread thread_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  std::vector<Batch> spare_;
  Result<void> result_;
  std::exception_ptr thrown_;
  bool stop_ = false;
  bool ended_ = false;
};

}  // namespace cg
