// Looks into an image without mounting it: an ext2/3/4 or EROFS file system, wherever in the file it lies, or
// an initrd.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/path_walk.h"
#include "base/result.h"
#include "image/disk/layout.h"
#include "image/tree/tree.h"

struct struct_ext2_filsys;

namespace cg::image {

class FileTree;
class InitrdArchive;

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

// Bytes of a file that are no hole.
struct DataRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
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
  using LastLink = cg::LastLink;
  using Sink = std::function<Result<void>(std::string_view)>;

  // What a kind of image answers; ImageReader's functions say what they mean.
  class Files {
   public:
    virtual ~Files() = default;
    virtual ImageInfo info() const = 0;
    virtual Result<FileInfo> stat(std::string_view path, LastLink last) const = 0;
    virtual Result<std::vector<DirectoryItem>> list(std::string_view path) const = 0;
    virtual Result<void> read(std::string_view path, const Sink& sink) const = 0;
    virtual Result<std::vector<DataRange>> data(std::string_view path) const = 0;
    virtual Result<std::vector<Xattr>> xattrs(std::string_view path) const = 0;
    virtual struct_ext2_filsys* filesystem() const { return nullptr; }
    virtual const FileTree* tree() const { return nullptr; }
    virtual const InitrdArchive* initrd() const { return nullptr; }
  };

  // Never writes: an interrupted edit is undone in memory. The kind is found by itself, and so is the file
  // system in a disk, or it is the partition asked for. Refused when there is neither an ext2/3/4 or EROFS
  // file system nor an initrd, or one that is damaged or has features that are not known.
  static Result<ImageReader> open(const std::filesystem::path& image, std::optional<unsigned> partition = {});
  ImageReader(ImageReader&&) noexcept;
  ImageReader& operator=(ImageReader&&) noexcept;
  ~ImageReader();

  ImageInfo info() const { return files_->info(); }
  // `path` is taken from the image's root, with links followed in the image, never out of it (but not a link
  // that is the last component, unless `last` says so).
  Result<FileInfo> stat(std::string_view path, LastLink last = LastLink::follow) const {
    return files_->stat(path, last);
  }
  bool exists(std::string_view path) const { return stat(path).has_value(); }
  // Sorted, without "." and "..".
  Result<std::vector<DirectoryItem>> list(std::string_view path) const { return files_->list(path); }
  Result<std::string> read(std::string_view path, std::uint64_t limit = 256ULL << 20) const;
  // In pieces of at most 1 MiB; stops at the first error of `sink`.
  Result<void> read(std::string_view path, const Sink& sink) const { return files_->read(path, sink); }
  // Where a file has bytes, in their order; the rest of it are holes.
  Result<std::vector<DataRange>> data(std::string_view path) const { return files_->data(path); }
  Result<std::vector<Xattr>> xattrs(std::string_view path) const { return files_->xattrs(path); }

  const std::string& name() const { return name_; }
  // What there is: an ext2/3/4 file system, or a tree in memory, of an initrd for one. Else nullptr.
  struct_ext2_filsys* filesystem() const { return files_->filesystem(); }
  const FileTree* tree() const { return files_->tree(); }
  const InitrdArchive* initrd() const { return files_->initrd(); }
  int fd() const;  // of the image file
  // Its bytes: those of the file, or where an edit of it was interrupted, as they were before.
  Device& disk() const;
  // That it is so, for who looks at it; else "".
  std::string remark() const;
  const DiskLayout& layout() const;
  const Place& place() const;

 private:
  struct File;
  ImageReader();

  std::string name_;
  std::unique_ptr<File> file_;
  std::unique_ptr<Files> files_;  // looks into file_
};

}  // namespace cg::image
