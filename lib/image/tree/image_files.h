// The files of an image, whatever file system or archive holds them: what each of these answers, and what is
// asked of all of them alike.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/path_walk.h"
#include "base/result.h"
#include "image/tree/tree.h"

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

// Bytes of a file that are no hole.
struct DataRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

using cg::LastLink;

class ImageFiles {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  using PieceSink = std::function<Result<void>(std::uint64_t offset, std::string_view piece)>;

  virtual ~ImageFiles() = default;
  virtual const std::string& name() const = 0;  // of the image, for messages
  virtual ImageInfo info() const = 0;
  // `path` is taken from the image's root, with links followed in the image, never out of it.
  virtual Result<FileInfo> stat(std::string_view path, LastLink last) const = 0;
  // Sorted, without "." and "..".
  virtual Result<std::vector<DirectoryItem>> list(std::string_view path) const = 0;
  // The bytes of a file in these ranges, in pieces of at most 1 MiB; stops at the first error of `sink`.
  virtual Result<void> read(std::string_view path, std::span<const DataRange> ranges,
                            const PieceSink& sink) const = 0;
  // Where a file has bytes, in their order; the rest of it are holes.
  virtual Result<std::vector<DataRange>> data(std::string_view path) const = 0;
  // Of the path itself, also where it is a link.
  virtual Result<std::vector<Xattr>> xattrs(std::string_view path) const = 0;

  Result<FileInfo> stat(std::string_view path) const { return stat(path, LastLink::follow); }
  bool exists(std::string_view path) const { return stat(path).has_value(); }
  // All of a file, holes as zeros.
  Result<void> read(std::string_view path, const Sink& sink) const;
  // Refused: longer than `limit`.
  Result<std::string> read(std::string_view path, std::uint64_t limit = 256ULL << 20) const;
};

}  // namespace cg::image
