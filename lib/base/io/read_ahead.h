// A source of batches that a thread reads ahead of the caller, a few at a time. A small source never sees the
// thread: the caller reads the first batches itself.
#pragma once

#include <exception>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/io/bounded_queue.h"
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
    queue_.stop();
    if (thread_.joinable()) thread_.join();
  }

  // What the thread threw is thrown here.
  Result<bool> next(Batch& batch) {
    if (!thread_.joinable() && (by_caller_ > 0 || !start())) {
      if (by_caller_ > 0) --by_caller_;
      return read_(batch);
    }
    if (queue_.take(batch)) return true;
    if (thrown_) std::rethrow_exception(thrown_);
    CG_CHECK(std::exchange(result_, {}));
    return false;
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
    try {
      Batch batch;
      for (Result<bool> more = true;;) {
        more = read_(batch);
        if (!more) result_ = std::unexpected(std::move(more).error());
        if (!more || !*more || !queue_.put(batch)) break;
      }
    } catch (...) {
      thrown_ = std::current_exception();
    }
    queue_.end();
  }

  Read read_;
  int by_caller_ = 2;
  std::thread thread_;
  BoundedQueue<Batch> queue_{most_ahead};
  Result<void> result_;  // this and the next are the thread's until the queue has ended
  std::exception_ptr thrown_;
};

}  // namespace cg
