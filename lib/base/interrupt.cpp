// A signal's handler may do next to nothing, so it only writes the number into a pipe; a thread that waits
// there removes what is to go. It is started with the first name that is written down: a process that makes
// no files stays one of one thread, which namespaces ask for.
#include "base/interrupt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <exception>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace cg {
namespace fs = std::filesystem;
namespace {

constexpr int caught[] = {SIGINT, SIGTERM, SIGHUP};

struct Names {
  std::mutex mutex;
  std::set<std::string, std::less<>> paths;
  bool wanted = false;
  bool started = false;
};
Names& names() {
  static Names* const all = new Names;  // outlives whatever is destroyed at the end
  return *all;
}

std::atomic<int> pipe_end{-1};

// The working directory may be another when the signal comes.
std::string whole_path(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path.string() : whole.string();
}

void note(int number) {
  const int error = errno;
  const auto byte = static_cast<unsigned char>(number);
  (void)!write(pipe_end.load(), &byte, 1);
  errno = error;
}

[[noreturn]] void wait_for_signal(int pipe) {
  unsigned char number = 0;
  while (read(pipe, &number, 1) != 1) {
  }
  // Never given back: who wants to write down another name waits for the end.
  names().mutex.lock();
  std::error_code ignored;
  for (const auto& path : names().paths) fs::remove_all(path, ignored);
  // On a terminal a line that moves may stand there.
  const std::string word =
      fmt::format("{}{}: {}; what was half made is gone\n", isatty(STDERR_FILENO) == 1 ? "\r\x1b[K" : "",
                  program_invocation_short_name, number == SIGINT ? "interrupted" : "ended by a signal");
  (void)!write(STDERR_FILENO, word.data(), word.size());
  _exit(128 + number);
}

void start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  pipe_end = ends[1];
  std::thread(wait_for_signal, ends[0]).detach();
  for (const int number : caught) {
    struct sigaction now {};
    if (sigaction(number, nullptr, &now) != 0 || now.sa_handler == SIG_IGN) continue;  // nohup
    struct sigaction wish {};
    wish.sa_handler = note;
    wish.sa_flags = SA_RESTART;
    sigaction(number, &wish, nullptr);
  }
}

}  // namespace

void clean_up_when_interrupted() {
  const std::lock_guard lock(names().mutex);
  names().wanted = true;
}

void remove_when_interrupted(const fs::path& path) {
  std::string whole = whole_path(path);
  const std::lock_guard lock(names().mutex);
  names().paths.insert(std::move(whole));
  if (names().wanted && !std::exchange(names().started, true)) start();
}

void forget_when_interrupted(const fs::path& path) noexcept {
  try {
    const std::string whole = whole_path(path);
    const std::lock_guard lock(names().mutex);
    names().paths.erase(whole);
  } catch (const std::exception&) {
    // No memory for it: the name is taken for one that is there still, which does no harm.
  }
}

}  // namespace cg
