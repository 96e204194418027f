// A regular file's bytes without a copy of them, for files that can be large.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace cg {

class MappedFile {
 public:
  // Cannot: unreadable, not a regular file.
  static Result<MappedFile> open(const std::filesystem::path& path);
  static Result<MappedFile> of(int fd, const std::string& name);
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  MappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  void* data_;
  std::size_t size_;
};

}  // namespace cg
