// Reads a pipe in the background, as the Kata agent does, so that the writer never blocks on a full pipe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace cg::demo {

class LineReader {
 public:
  explicit LineReader(UniqueFd fd);
  ~LineReader();

  // The first line from line number `from` on for which `accept` holds; nothing when the limit is over or the
  // pipe ended.
  std::optional<std::string> wait(std::size_t from, std::chrono::milliseconds limit,
                                  const std::function<bool(const std::string&)>& accept);
  // Waits until the last writer is gone; false when that takes longer than the limit.
  bool wait_end(std::chrono::milliseconds limit);
  std::vector<std::string> lines() const;

 private:
  void read_all(const std::stop_token& stop);

  UniqueFd fd_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  bool ended_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace cg::demo
