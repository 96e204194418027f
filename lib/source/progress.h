// What a long download tells its user: one moving line on a terminal, a few plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace cg {

class Progress {
 public:
  // `out` may be nullptr.
  Progress(std::ostream* out, bool terminal) : out_(out), terminal_(terminal) {}

  void line(const std::string& text);
  void begin(const std::string& what);
  void at(std::uint64_t done, std::uint64_t total);  // bytes; total 0: not known
  void end(std::uint64_t done);
  void fail();  // the moving line is taken away

 private:
  using Clock = std::chrono::steady_clock;
  void wipe();

  std::ostream* out_;
  bool terminal_;
  bool moving_ = false;
  std::string what_;
  Clock::time_point started_;
  Clock::time_point shown_;
  std::uint64_t fifth_ = 0;  // of the total, for plain lines
};

}  // namespace cg
