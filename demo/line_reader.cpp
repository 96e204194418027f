#include "line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace cg::demo {

LineReader::LineReader(UniqueFd fd) : fd_(std::move(fd)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { read_all(stop); });
}

LineReader::~LineReader() = default;

void LineReader::read_all(const std::stop_token& stop) {
  std::string rest;
  char buffer[4096];
  while (!stop.stop_requested()) {
    pollfd polled{fd_.get(), POLLIN, 0};
    if (poll(&polled, 1, 100) <= 0) continue;
    const ssize_t got = read(fd_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    rest.append(buffer, static_cast<std::size_t>(got));
    const std::lock_guard lock(mutex_);
    for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
      lines_.push_back(rest.substr(0, end));
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  if (!rest.empty()) lines_.push_back(rest);
  ended_ = true;
  changed_.notify_all();
}

std::optional<std::string> LineReader::wait(std::size_t from, std::chrono::milliseconds limit,
                                            const std::function<bool(const std::string&)>& accept) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  for (;;) {
    for (; from < lines_.size(); ++from)
      if (accept(lines_[from])) return lines_[from];
    if (ended_) return std::nullopt;
    const std::size_t seen = lines_.size();
    if (!changed_.wait_until(lock, deadline, [&] { return ended_ || lines_.size() > seen; }))
      return std::nullopt;
  }
}

bool LineReader::wait_end(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return ended_; });
}

std::vector<std::string> LineReader::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

}  // namespace cg::demo
