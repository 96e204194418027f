// The files of an ext2/3/4 file system, through libext2fs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/bytes/device.h"
#include "image/ext4/read/ext2_io.h"
#include "image/ext4/read/lookup.h"
#include "image/tree/image_files.h"

namespace cg::image {

class ExtFiles final : public ImageFiles {
 public:
  ExtFiles(Filesystem fs, std::string name)
      : owner_(std::move(fs)), fs_(owner_.get()), name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  ImageInfo info() const override;
  using ImageFiles::read;
  using ImageFiles::stat;
  Result<FileInfo> stat(std::string_view path, LastLink last) const override;
  Result<std::vector<DirectoryItem>> list(std::string_view path) const override;
  Result<void> read(std::string_view path, std::span<const DataRange> ranges,
                    const PieceSink& sink) const override;
  Result<std::vector<DataRange>> data(std::string_view path) const override;
  Result<std::vector<Xattr>> xattrs(std::string_view path) const override;

  ext2_filsys filesystem() const { return fs_; }

 private:
  Result<FileInfo> info_of(std::uint32_t inode, std::string_view path) const;
  std::optional<std::uint32_t> listed(std::string_view path) const;

  Filesystem owner_;
  ext2_filsys fs_;  // owner_'s
  std::string name_;
  mutable Trail trail_;
  struct Listed {
    std::string path;
    std::vector<NamedInode> entries;  // ascending
  };
  // Directories that were listed: a walk comes back to a large one for each directory in it. The smallest
  // goes when there are too many.
  static constexpr std::size_t most_listed = 16;
  static constexpr std::size_t most_listed_entries = 500'000;
  void remember(std::string_view path, std::vector<NamedInode> entries) const;
  mutable std::vector<Listed> listed_;
};

// `window` is the file system; it must stay where it is. Refused: damaged, or with features libext2fs does
// not know.
Result<std::unique_ptr<ExtFiles>> open_ext_files(Window& window);

}  // namespace cg::image
