// Where a new image goes: to the file that -o names or, for "-", to standard output once it is whole, since
// an image is not written from its first byte to its last.
#pragma once

#include <optional>
#include <string>

#include "base/cli/command.h"
#include "recipe/scratch_directory.h"

namespace cg {

class ImageOutput {
 public:
  static Result<ImageOutput> create(const std::string& words, const Environment& env);
  const std::string& file() const { return file_; }
  bool is_stream() const { return scratch_.has_value(); }
  Result<void> deliver(Environment& env) const;

 private:
  ImageOutput() = default;
  std::string file_;
  std::optional<ScratchDirectory> scratch_;
};

}  // namespace cg
