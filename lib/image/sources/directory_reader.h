// A directory of the host with all below it, as entries in the order of an image: a directory before what is
// in it, names ascending. Each file is looked at through one descriptor, and read while it is open.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "image/bytes/host_file.h"
#include "image/tree/tree.h"

namespace cg::image {

struct HostEntry {
  std::string path;   // in the image: "" is the root, else "/a/b"
  std::string first;  // not empty: the entry is another name of this one
  Metadata meta;
  std::uint64_t size = 0;  // bytes, of a regular file
  // What a file holds whose size says nothing of it, such as those of /proc; it is in no piece.
  std::optional<std::string> bytes = {};
};

// What was read at once: entries, and bytes of the regular files among them.
struct HostBatch {
  // A piece belongs to the entry that is the last before it, which may be one of an earlier batch.
  struct Piece {
    std::size_t entries = 0;   // of the batch that stand before it
    std::uint64_t offset = 0;  // in the file
    std::size_t at = 0;        // in `bytes`
    std::size_t count = 0;
  };
  std::vector<HostEntry> entries;
  std::vector<Piece> pieces;
  std::vector<std::byte> bytes;

  std::span<const std::byte> of(const Piece& piece) const {
    return std::span(bytes).subspan(piece.at, piece.count);
  }
};

struct HostName {
  std::string name;
  unsigned char type = 0;  // d_type of readdir(3)
};

class DirectoryReader {
 public:
  enum class Contents { read, left };
  DirectoryReader(std::filesystem::path directory, Contents contents);

  // Some more of it; false: there is nothing more. Cannot: something could not be read.
  Result<bool> read(HostBatch& batch);

 private:
  struct Level {
    UniqueFd fd;  // closed while a directory below is read: a deep tree must not take all descriptors
    std::pair<dev_t, ino_t> identity;  // what must be there when it is opened again
    std::size_t path_length = 0;
    std::vector<HostName> names;  // descending: the next one is the last
  };
  Result<void> enter(HostBatch& batch, UniqueFd fd);
  Result<void> step(HostBatch& batch);
  Result<void> add_file(HostBatch& batch, int parent, const std::string& name);
  Result<void> add_unopened(HostBatch& batch, int parent, const std::string& name);
  HostEntry entry(const struct stat& info) const;
  bool is_another_name(HostBatch& batch, const struct stat& info);
  std::string host_path() const { return directory_ + path_; }

  std::string directory_;
  Contents contents_;
  bool begun_ = false;
  std::string path_;  // of the entry at hand, in the image
  std::vector<Level> levels_;
  std::optional<HostFileReader> file_;  // that is being read
  std::map<std::pair<dev_t, ino_t>, std::string>
      several_names_;  // the first name of files with more than one
};

}  // namespace cg::image
