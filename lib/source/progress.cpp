#include "source/progress.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"

namespace cg {

void Progress::wipe() {
  if (!moving_) return;
  *out_ << "\r\x1b[K" << std::flush;
  moving_ = false;
}

void Progress::line(const std::string& text) {
  if (!out_) return;
  wipe();
  *out_ << text << "\n" << std::flush;
}

void Progress::begin(const std::string& what) {
  what_ = what;
  started_ = shown_ = Clock::now();
  fifth_ = 0;
  line("fetching " + what);
}

void Progress::at(std::uint64_t done, std::uint64_t total) {
  if (!out_) return;
  const auto now = Clock::now();
  if (terminal_) {
    if (now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const std::string share =
        total > 0 ? fmt::format("{:3}% of {}", done * 100 / total, human_size(total)) : human_size(done);
    *out_ << "\r\x1b[K  " << share << std::flush;
    moving_ = true;
  } else if (total > 0 && now - started_ > std::chrono::seconds(5) && done * 5 / total > fifth_) {
    fifth_ = done * 5 / total;
    *out_ << "  " << fifth_ * 20 << "% of " << human_size(total) << "\n" << std::flush;
  }
}

void Progress::end(std::uint64_t done) {
  const std::chrono::duration<double> seconds = Clock::now() - started_;
  line(fmt::format("fetched {} in {}", human_size(done), human_seconds(seconds.count())));
}

void Progress::fail() {
  if (out_) wipe();
}

}  // namespace cg
