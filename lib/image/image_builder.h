// Makes a new image: sources add entries. For an ext4 image their data goes into the file at once; finish()
// lays out the rest (directories, attributes, journal, inode tables, bitmaps), fits the size to it and gives
// the file its name. For an initrd data waits in a file without a name until finish_initrd() writes the
// archive.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "image/bytes/block_file.h"
#include "image/disk/frame.h"
#include "image/disk/uuid.h"
#include "image/ext4/write/content.h"
#include "image/ext4/write/size.h"
#include "image/ext4/write/space.h"
#include "image/initrd/writer.h"
#include "image/tree/new_files.h"

namespace cg::image {

struct ImageOptions {
  SizePolicy size;  // of the whole file
  Frame frame;
  std::string label;
  std::optional<Uuid> uuid;                       // default: derived from the tree's metadata
  std::optional<std::uint64_t> journal_bytes;     // 0: none; default: by size
  std::optional<std::uint64_t> inodes;            // at least; default: some more than the tree has
  std::optional<std::uint64_t> bytes_per_inode;   // of the whole file system
  std::optional<std::int64_t> source_date_epoch;  // newer times become this one
};

struct ImageSummary {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t free_blocks = 0;
  std::uint64_t inodes = 0;
  std::uint64_t used_inodes = 0;
  std::uint64_t files = 0;  // regular ones
  std::uint64_t directories = 0;
  std::uint64_t data_bytes = 0;  // of regular files, as their sizes say
  std::string uuid;
  std::optional<VerityTree> verity;
};

class ImageBuilder final : public NewFiles {
 public:
  static Result<ImageBuilder> create(const std::filesystem::path& destination, ImageOptions options);
  ImageBuilder(ImageBuilder&&) noexcept = default;

  Tree& tree() override { return *tree_; }
  void begin_content(std::string name) override { content_->begin(std::move(name)); }
  Result<void> append(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return content_->append(offset, bytes);
  }
  Result<void> end_content(InodeIndex file, std::uint64_t size) override;
  bool stores_at_once() const override { return !waiting_; }  // an initrd's data would be copied once more
  void set_host_file(InodeIndex file, const std::filesystem::path& path, std::uint64_t size) override;
  void set_bytes(InodeIndex file, std::string bytes) override;
  Result<std::string> read(InodeIndex file, std::uint64_t most) override;

  // Nothing is at the destination before one of these has succeeded: the second for the form initrd.
  Result<ImageSummary> finish();
  Result<InitrdSummary> finish_initrd(Compression compression);

 private:
  ImageBuilder(AtomicFile file, UniqueFd waiting, ImageOptions options);
  void set_stored(InodeIndex file, std::vector<Extent> extents, std::uint64_t size);
  Result<void> store_pending_content();

  AtomicFile file_;
  UniqueFd waiting_;  // data of an initrd
  ImageOptions options_;
  bool any_pending_ = false;  // content that is not in the file yet
  // Behind pointers, because they refer to each other and the builder moves.
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<Space> space_;
  std::unique_ptr<BlockFile> blocks_;
  std::unique_ptr<ContentWriter> content_;
};

}  // namespace cg::image
