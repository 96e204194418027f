// The files of an image that are all in memory, but for their bytes, which stay where they are: of an initrd
// as the kernel has them when it has unpacked the last entry, of an EROFS file system.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/path_walk.h"
#include "base/result.h"
#include "image/bytes/device.h"
#include "image/tree/image_files.h"
#include "image/tree/tree.h"

namespace cg::image {

struct FileNode {
  Metadata meta;
  std::uint64_t size = 0;
  Device* bytes = nullptr;  // that holds a file's bytes, from `offset` on; not owned
  std::uint64_t offset = 0;
  std::optional<std::vector<DataRange>> data;  // of a file with holes
  std::uint32_t names = 0;                     // of a file: directory entries that lead here
  std::uint32_t member = 0;                    // archive of an initrd that wrote it last
  std::uint32_t parent = 0;                    // of a directory
  std::map<std::string, std::uint32_t, std::less<>> children;
};

class FileTree {
 public:
  using Index = std::uint32_t;
  static constexpr Index root = 0;
  FileTree();

  FileNode& at(Index index) { return nodes_[index]; }
  const FileNode& at(Index index) const { return nodes_[index]; }

  using Found = PathEnd<Index>;
  using Trail = PathTrail<Index>;
  // Symbolic links are followed from the root and never out of it; the last component's as `last` says.
  // Refused: a component below something that is no directory, more than 40 links.
  // `trail`: of a tree that does not change.
  Result<Found> look_up(std::string_view path, LastLink last, Trail* trail = nullptr) const;
  // Of a directory, with its parents' names: "/" or "/usr/bin".
  std::string path_of(Index directory) const;

  Index add(Index parent, const std::string& name, FileNode node);
  void link(Index parent, const std::string& name, Index node);
  void unlink(Index parent, const std::string& name);

  // `index` with its whole content, or this of it, in pieces of at most 1 MiB.
  Result<void> read(Index index, const ImageFiles::Sink& sink) const;
  Result<void> read(Index index, const DataRange& range, const ImageFiles::Sink& sink) const;
  std::uint64_t file_bytes() const;  // of all regular files
  std::int64_t newest() const;       // the latest time of any of them, in seconds

 private:
  std::deque<FileNode> nodes_;
};

}  // namespace cg::image
