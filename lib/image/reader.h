// Looks into an ext4 file system through libext2fs, without mounting it, wherever in an image file it lies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/layout.h"
#include "image/tree.h"

struct struct_ext2_filsys;

namespace cg::image {

struct FileInfo {
  std::uint32_t inode = 0;
  Metadata meta;  // without attributes
  std::uint64_t size = 0;
  std::uint32_t links = 0;
};

struct DirectoryItem {
  std::string name;
  FileInfo info;
};

struct ImageInfo {
  std::uint64_t bytes = 0;
  std::uint32_t block_size = 0;
  std::uint64_t blocks = 0;
  std::uint64_t free_blocks = 0;
  std::uint64_t inodes = 0;
  std::uint64_t free_inodes = 0;
  std::uint64_t directories = 0;
  std::string uuid;
  std::string label;
  std::string state;  // "clean", or what is wrong: "not clean", "has errors", "journal to be replayed"
  std::vector<std::string> features;
};

class ImageReader {
 public:
  // The file system is found by itself, or is the partition asked for. Refused when there is no ext2/3/4 file
  // system, one with features libext2fs does not know, or a damaged one.
  static Result<ImageReader> open(const std::filesystem::path& image, std::optional<unsigned> partition = {});
  ImageReader(ImageReader&&) noexcept;
  ImageReader& operator=(ImageReader&&) noexcept;
  ~ImageReader();

  ImageInfo info() const;
  // `path` is taken from the image's root. The inode of `path`, with links followed in the image, never out
  // of it (but not a link that is the last component, unless `follow_last`).
  enum class LastLink { follow, keep };
  Result<FileInfo> stat(std::string_view path, LastLink last = LastLink::follow) const;
  bool exists(std::string_view path) const { return stat(path).has_value(); }
  Result<std::vector<DirectoryItem>> list(std::string_view path) const;  // sorted, without "." and ".."
  Result<std::string> read(std::string_view path, std::uint64_t limit = 256ULL << 20) const;
  // In pieces of at most 1 MiB; stops at the first error of `sink`.
  Result<void> read(std::string_view path, const std::function<Result<void>(std::string_view)>& sink) const;
  Result<std::vector<Xattr>> xattrs(std::string_view path) const;

  const std::string& name() const { return name_; }
  struct_ext2_filsys* filesystem() const { return fs_; }
  int fd() const;  // of the image file
  const DiskLayout& layout() const;
  const Place& place() const;

 private:
  struct File;
  ImageReader();
  Result<FileInfo> info_of(std::uint32_t inode, std::string_view path) const;

  std::string name_;
  std::unique_ptr<File> file_;
  struct_ext2_filsys* fs_ = nullptr;  // file_'s
};

}  // namespace cg::image
