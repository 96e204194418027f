#include "compile.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <ostream>
#include <thread>

#include "base/text.h"

namespace cg {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Counts the objects in make's log as it grows.
class ObjectCounter {
 public:
  explicit ObjectCounter(const std::filesystem::path& log) : stream_(log) {}
  unsigned count() {
    for (std::string line; std::getline(stream_, line);)
      if (line.starts_with("  CC ") || line.starts_with("  AS ")) ++count_;
    stream_.clear();
    return count_;
  }

 private:
  std::ifstream stream_;
  unsigned count_ = 0;
};

}  // namespace

Result<double> compile(const KernelMake& make, const CompileOptions& options) {
  const auto start = Clock::now();
  std::error_code ignored;
  std::filesystem::remove(options.log, ignored);
  std::ofstream(options.log).flush();

  std::mutex mutex;
  std::condition_variable_any wake;
  std::jthread reporter([&](const std::stop_token& stop) {
    if (!options.progress) return;
    ObjectCounter counter(options.log);
    const auto pause = options.terminal ? std::chrono::seconds(1) : std::chrono::seconds(30);
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, pause, [] { return false; }) && !stop.stop_requested())
      *options.progress << fmt::format("{}  kernel: {} objects, {}{}", options.terminal ? "\r" : "",
                                       counter.count(), human_seconds(seconds_since(start)),
                                       options.terminal ? "\033[K" : "\n")
                        << std::flush;
    if (options.terminal) *options.progress << "\r\033[K" << std::flush;
  });

  CG_CHECK(run_make(make, {fmt::format("-j{}", options.jobs), options.image_target, "vmlinux"}, options.log));
  return seconds_since(start);
}

}  // namespace cg
