// An image that is being filled, as those see it that fill it: directories, archives, recipes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "image/tree/tree.h"

namespace cg::image {

class NewFiles {
 public:
  virtual ~NewFiles() = default;
  virtual Tree& tree() = 0;

  // For a source that has the bytes of a file now: begin, append…, end. `name` is for messages; offsets never
  // go back, what is skipped is a hole.
  virtual void begin_content(std::string name) = 0;
  virtual Result<void> append(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual Result<void> end_content(InodeIndex file, std::uint64_t size) = 0;
  // Whether bytes that are stored now are where they stay; else they would be copied once more.
  virtual bool stores_at_once() const = 0;

  // For a source whose bytes can be read later, when the image is finished, so that a later layer costs
  // nothing.
  virtual void set_host_file(InodeIndex file, const std::filesystem::path& path, std::uint64_t size) = 0;
  virtual void set_bytes(InodeIndex file, std::string bytes) = 0;

  // The first `most` bytes of a file, wherever they are now.
  virtual Result<std::string> read(InodeIndex file, std::uint64_t most) = 0;
};

}  // namespace cg::image
