// A directory below TMPDIR that goes with all below it when the object does.
#pragma once

#include <filesystem>
#include <memory>

#include "base/environment.h"
#include "base/result.h"

namespace cg {

class ScratchDirectory {
 public:
  static Result<ScratchDirectory> create(const Environment& env);
  const std::filesystem::path& path() const { return *path_; }

 private:
  explicit ScratchDirectory(std::filesystem::path path);
  std::shared_ptr<const std::filesystem::path> path_;  // the last owner removes it
};

}  // namespace cg
