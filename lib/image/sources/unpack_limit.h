// A small compressed file may unpack to more than a disk holds. What is unpacked is counted while it is read:
// more than limits::archive_bytes and more than limits::archive_ratio times the compressed file's size is
// refused, unless the user allows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

struct archive;

namespace cg::image {

class UnpackLimit {
 public:
  // `fd` is what `handle` reads; `name` is for messages. `allowed` (bytes) takes the place of both limits.
  UnpackLimit(archive* handle, int fd, std::string name, std::optional<std::uint64_t> allowed);

  // Refused when more has been unpacked by now; nothing is counted where nothing is compressed.
  Result<void> check() const;
  // Reads what is left of the present entry under that limit; libarchive would skip it without one.
  Result<void> skip_data() const;

 private:
  archive* handle_;
  std::string name_;
  std::optional<std::uint64_t> allowed_;
  std::uint64_t file_bytes_ = 0;  // 0: not a file; what has been read so far counts
};

}  // namespace cg::image
