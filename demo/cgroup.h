// A cgroup v2 directory of our own, paused as a container runtime does it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <vector>

#include "base/result.h"

namespace cg::demo {

class Cgroup {
 public:
  // Makes the directory (and its parents) below a mounted cgroup v2 tree; one left over by an earlier run
  // must be empty.
  static Result<Cgroup> create(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  // Returns when the kernel reports every task frozen.
  Result<void> freeze(std::chrono::milliseconds limit) const;
  Result<std::vector<pid_t>> processes() const;
  // Kills what is left in it, frozen or not, and waits until it is empty.
  Result<void> kill_all(std::chrono::milliseconds limit) const;
  Result<void> remove() const;

 private:
  explicit Cgroup(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Result<void> wait_for(const std::string& event, std::chrono::milliseconds limit) const;
  std::filesystem::path directory_;
};

}  // namespace cg::demo
