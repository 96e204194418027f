#include "cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace cg::demo {
namespace fs = std::filesystem;
namespace {

// A cgroup file takes a whole value in one write and reports refusal through errno.
Result<void> set(const fs::path& file, const std::string& value) {
  UniqueFd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(file.string(), errno);
  if (write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return cannot_errno(fmt::format("writing {} to {}", value, file.string()), errno);
  return {};
}

}  // namespace

Result<Cgroup> Cgroup::create(const fs::path& directory) {
  const fs::path top = directory.parent_path().parent_path();
  std::error_code error;
  if (!fs::exists(top / "cgroup.controllers", error))
    return cannot(
        fmt::format("{}: no cgroup v2 hierarchy is mounted there; mount one: mount -t cgroup2 none {}",
                    top.string(), top.string()));
  CG_CHECK(make_directories(directory));
  Cgroup cgroup(directory);
  CG_TRY(inside, cgroup.processes());
  if (!inside.empty())
    return refused(fmt::format("{}: {} processes are still in it; end them, or give another --cgroup",
                               directory.string(), inside.size()));
  return cgroup;
}

Result<void> Cgroup::wait_for(const std::string& event, std::chrono::milliseconds limit) const {
  const fs::path file = directory_ / "cgroup.events";
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return cannot_errno(file.string(), errno);
    CG_TRY(text, read_fd(fd.get(), file.string()));
    const auto lines = split_lines(text);
    if (std::ranges::find(lines, event) != lines.end()) return {};
    if (std::chrono::steady_clock::now() >= deadline)
      return cannot(fmt::format("{}: no '{}' within {} s", file.string(), event,
                                std::chrono::duration_cast<std::chrono::seconds>(limit).count()));
    pollfd polled{fd.get(), POLLPRI, 0};
    (void)poll(&polled, 1, 100);
  }
}

Result<void> Cgroup::freeze(std::chrono::milliseconds limit) const {
  CG_CHECK(set(directory_ / "cgroup.freeze", "1"));
  return wait_for("frozen 1", limit);
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  CG_TRY(text, read_file(directory_ / "cgroup.procs"));
  std::vector<pid_t> pids;
  for (const auto line : split_lines(text)) {
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    pids.push_back(pid);
  }
  return pids;
}

Result<void> Cgroup::kill_all(std::chrono::milliseconds limit) const {
  CG_CHECK(set(directory_ / "cgroup.kill", "1"));
  return wait_for("populated 0", limit);
}

Result<void> Cgroup::remove() const {
  if (rmdir(directory_.c_str()) != 0 && errno != ENOENT)
    return cannot_errno("removing " + directory_.string(), errno);
  return {};
}

}  // namespace cg::demo
