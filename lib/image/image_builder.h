// Makes a new image: sources add entries, finish() gives the file its name. For ext4 the data of files goes
// into the image at once; finish() lays out the rest (directories, attributes, journal, inode tables,
// bitmaps) and fits the size to it. What other formats need while they are filled: Format::Filling.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "image/bytes/block_file.h"
#include "image/ext4/write/content.h"
#include "image/ext4/write/space.h"
#include "image/options/image_options.h"
#include "image/tree/new_files.h"

namespace cg::image {

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
  bool stores_at_once() const override { return !waiting_; }
  void set_host_file(InodeIndex file, const std::filesystem::path& path, std::uint64_t size) override;
  void set_bytes(InodeIndex file, std::string bytes) override;
  Result<std::string> read(InodeIndex file, std::uint64_t most) override;

  // Nothing is at the destination before it has succeeded.
  Result<Summary> finish();

 private:
  class Between;
  // `name`: what messages call it.
  static Result<ImageBuilder> create_at(const std::filesystem::path& destination, std::string name,
                                        ImageOptions options);
  ImageBuilder(AtomicFile file, UniqueFd waiting, std::string name, ImageOptions options);
  void set_stored(InodeIndex file, std::vector<Extent> extents, std::uint64_t size);
  Result<void> store_pending_content();
  Result<ImageSummary> finish_ext4();
  Result<Summary> finish_beside();

  AtomicFile file_;
  UniqueFd waiting_;  // data of what is written as a whole
  std::string name_;  // what messages call it
  ImageOptions options_;
  bool any_pending_ = false;  // content that is not in the file yet
  // Behind pointers, because they refer to each other and the builder moves.
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<Space> space_;
  std::unique_ptr<BlockFile> blocks_;
  std::unique_ptr<ContentWriter> content_;
  std::shared_ptr<Between> between_;  // what this image is only a step to
};

}  // namespace cg::image
