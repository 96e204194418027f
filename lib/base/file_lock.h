// An advisory lock for as long as an object lives, among the processes that share a cache.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"

namespace cg {

class FileLock {
 public:
  // Told once when another process has it, with one line that names that process: "waiting: …".
  using Waiting = std::function<void(const std::string& line)>;
  // Waits for the other holder. The file is created and stays; it holds the process id of who had it last.
  static Result<FileLock> acquire(const std::filesystem::path& path, const Waiting& waiting = {});

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace cg
