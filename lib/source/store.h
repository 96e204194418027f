// The cache of sources: <cache>/sources/<sha256>/<name>, filled under a lock per hash.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/result.h"
#include "source/progress.h"

namespace cg {

class SourceStore {
 public:
  explicit SourceStore(std::filesystem::path cache) : cache_(std::move(cache)) {}

  // The file with this hash, from an earlier fetch or put by hand under its name; nullopt when there is none.
  // A file with the right name and other bytes is left where it is, and said to `progress`.
  Result<std::optional<std::filesystem::path>> find(const std::string& sha256, const std::string& name,
                                                    Progress& progress) const;

  Result<FileLock> lock(const std::string& key, Progress& progress) const;
  // Where a file of this hash lies, and where its download is kept while it is not whole.
  std::filesystem::path place(const std::string& sha256, const std::string& name) const;
  std::filesystem::path part(const std::string& sha256, const std::string& name) const;
  // Moves a file whose hash was just computed to its place.
  Result<std::filesystem::path> adopt(const std::filesystem::path& file, const std::string& sha256,
                                      const std::string& name) const;
  // Puts wrong bytes aside under a name that says so; the new path.
  std::filesystem::path set_aside(const std::filesystem::path& file) const;

  std::filesystem::path directory() const { return cache_ / "sources"; }

 private:
  std::filesystem::path cache_;
};

}  // namespace cg
