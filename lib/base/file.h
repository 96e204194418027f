// Files: descriptors that close themselves, whole-file reads with a limit, and outputs that appear whole or
// not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

inline constexpr std::uint64_t default_read_limit = 256ULL << 20;  // bytes

// The whole file. Refused when it is larger than `limit` bytes; cannot when it is unreadable.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = default_read_limit);
// Everything from an open descriptor; `name` is for messages.
Result<std::string> read_fd(int fd, const std::string& name, std::uint64_t limit = default_read_limit);

Result<void> write_all(int fd, std::string_view bytes, const std::string& name);
Result<void> make_directories(const std::filesystem::path& path);

// A file for reading and writing that never has a name: in `directory` ("": the working directory), or in
// memory where its file system makes none.
Result<UniqueFd> nameless_file(const std::filesystem::path& directory);

// Makes a directory's entries as they are now survive a power cut; "" is the working directory.
void sync_directory(const std::filesystem::path& directory);

// A file written beside its place and renamed over it by commit(); until then, and when anything fails, the
// previous file stays as it was. The temporary is removed by the destructor.
class AtomicFile {
 public:
  // `mode` is the final permission set, not narrowed by the umask.
  static Result<AtomicFile> create(const std::filesystem::path& destination, unsigned mode = 0644);
  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) noexcept = default;
  ~AtomicFile();

  int fd() const { return fd_.get(); }
  const std::filesystem::path& path() const { return temporary_; }
  std::string name() const { return destination_.string(); }  // for messages
  Result<void> write(std::string_view bytes) { return write_all(fd_.get(), bytes, name()); }
  // fsync, rename, fsync of the directory.
  Result<void> commit();

 private:
  AtomicFile() = default;
  UniqueFd fd_;
  std::filesystem::path temporary_;
  std::filesystem::path destination_;
};

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                                   unsigned mode = 0644);
// Copies bytes (holes stay holes where the file system reports them), atomically.
Result<void> copy_file_atomically(const std::filesystem::path& from, const std::filesystem::path& to,
                                  unsigned mode);
// Makes `link` a symbolic link to `target`, replacing what is there, atomically.
Result<void> symlink_atomically(const std::string& target, const std::filesystem::path& link);

}  // namespace cg
