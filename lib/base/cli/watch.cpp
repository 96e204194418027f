#include "base/cli/watch.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/shown.h"
#include "base/text.h"

namespace cg {

using Clock = std::chrono::steady_clock;

struct Watch::State {
  std::ostream* out;
  bool terminal;
  std::string what;
  std::string step = {};
  bool moving = false;
  Clock::time_point started = Clock::now();
  std::mutex mutex = {};
  std::condition_variable_any wake = {};
  std::jthread thread = {};

  void wipe() {
    if (std::exchange(moving, false)) *out << "\r\x1b[K" << std::flush;
  }
  void tell() {
    const std::chrono::duration<double> took = Clock::now() - started;
    const std::string line =
        fmt::format("{}{}{}, {:.0f} s", what, step.empty() ? "" : ": ", step, took.count());
    if (terminal)
      *out << "\r\x1b[K" << brief(line) << std::flush;
    else
      *out << line << std::endl;
    moving = terminal;
  }
};

Watch::Watch(std::string what, Context& context)
    : Watch(std::move(what), context.options.quiet ? nullptr : &context.env.err,
            context.env.err_is_terminal) {}

Watch::Watch(std::string what, std::ostream* out, bool terminal)
    : state_(new State{.out = out, .terminal = terminal, .what = shown(what)}) {
  if (!out) return;
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) {
    auto pause = state->terminal ? std::chrono::milliseconds(1500) : std::chrono::seconds(30);
    std::unique_lock lock(state->mutex);
    while (!state->wake.wait_for(lock, stop, pause, [] { return false; }) && !stop.stop_requested()) {
      state->tell();
      if (state->terminal) pause = std::chrono::milliseconds(500);
    }
    state->wipe();
  });
}

Watch::~Watch() = default;  // the thread is asked to stop, and waited for

void Watch::at(std::string step) {
  const std::lock_guard lock(state_->mutex);
  state_->step = shown(step);
}

void Watch::say(const std::string& line) {
  if (!state_->out) return;
  const std::lock_guard lock(state_->mutex);
  state_->wipe();
  *state_->out << line << std::endl;
}

}  // namespace cg
