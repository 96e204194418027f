// Carries out changes on one opened image, whatever its form; nothing is written to its file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "image/tree/change.h"

namespace cg::image {

// A host file that goes in; stays open until the changed image is written.
struct SourceFile {
  UniqueFd fd;
  struct stat info {};

  // Its time of modification, or `newest` (SOURCE_DATE_EPOCH) where that is earlier.
  std::int64_t time(std::optional<std::int64_t> newest) const;
};
// Refused: not a regular file.
Result<SourceFile> open_source(const std::filesystem::path& path);

class Editor {
 public:
  virtual ~Editor() = default;

  // `source` for an injection, else nullptr.
  Result<Changed> apply(const Change& change, SourceFile* source);

 private:
  virtual Result<Changed> inject(const Injection& injection, SourceFile& source) = 0;
  virtual Result<Changed> remove(const Removal& removal) = 0;
  virtual Result<Changed> make_directory(const NewDirectory& wish) = 0;
  virtual Result<Changed> make_symlink(const NewSymlink& wish) = 0;
  virtual Result<Changed> change_mode(const ModeChange& wish) = 0;
  virtual Result<Changed> change_owner(const OwnerChange& wish) = 0;
};

}  // namespace cg::image
