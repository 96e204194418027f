// Where the image files of a checkpoint lie: a directory that CRIU wrote, or an archive with such a directory
// in it, as Podman, CRI-O and the kubelet write them. Looked at in place; pages and file systems are never
// read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::checkpoint {

// The files by their names, with their sizes.
using Sizes = std::map<std::string, std::uint64_t, std::less<>>;

class Store {
 public:
  // Refused: what is no directory and no archive, or holds no inventory.img. Cannot: unreadable.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& path);
  virtual ~Store() = default;

  const std::string& name() const { return name_; }  // for messages
  const Sizes& sizes() const { return sizes_; }
  bool has(std::string_view file) const { return sizes_.contains(file); }
  // Beside the images in an archive: "config.dump", "rootfs-diff.tar", …
  const Sizes& beside() const { return beside_; }
  // Of the directory of the pre-dump that this one builds on, as the link has it; "": it builds on none.
  const std::string& parent() const { return parent_; }
  // That directory; refused where it is none. An archive's lies in the archive.
  virtual Result<std::unique_ptr<Store>> open_parent() const = 0;

  // The first `most` bytes.
  virtual Result<std::string> begin(const std::string& file, std::size_t most) const = 0;
  // All of it. Refused: more than limits::checkpoint_image_bytes.
  Result<std::string> read(const std::string& file) const;
  // `name/file`, for messages.
  std::string path_of(std::string_view file) const;

 protected:
  std::string name_;
  Sizes sizes_;
  Sizes beside_;
  std::string parent_;
};

// Whether the file holds what a task's memory or file system held, which nothing here reads.
bool is_bulk(std::string_view file);

Result<std::unique_ptr<Store>> open_directory(const std::filesystem::path& path);
Result<std::unique_ptr<Store>> open_archive(const std::filesystem::path& path);

}  // namespace cg::checkpoint
