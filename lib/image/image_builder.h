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
#include "image/tree/tree.h"

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

// Numbers from `from` on become those from `to` on, as in a user namespace.
struct IdRange {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t count = 1;
};
Result<IdRange> parse_id_range(std::string_view text);  // "FROM:TO:COUNT"

// What is done to the whole tree before it is written.
struct TreePolicy {
  std::vector<IdRange>
      uids;  // empty: as they are; else an id that no range holds is refused, naming its entry
  std::vector<IdRange> gids;
  enum class Devices { stored, refused } devices = Devices::stored;
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

class ImageBuilder {
 public:
  static Result<ImageBuilder> create(const std::filesystem::path& destination, ImageOptions options);
  ImageBuilder(ImageBuilder&&) noexcept = default;

  Tree& tree() { return *tree_; }
  // For a source that has the bytes now: begin, append, then hand what finish() gives to set_stored().
  ContentWriter& content() { return *content_; }
  void set_stored(InodeIndex file, std::vector<Extent> extents, std::uint64_t size);
  // Whether bytes that are stored now are where they stay: for an initrd they would be copied once more.
  bool stores_at_once() const { return !waiting_; }
  // For a source whose bytes can be read later, in finish(), so that a later layer costs nothing.
  void set_host_file(InodeIndex file, const std::filesystem::path& path, std::uint64_t size);
  void set_bytes(InodeIndex file, std::string bytes);

  // The first `most` bytes of a file, wherever they are now.
  Result<std::string> read(InodeIndex file, std::uint64_t most = UINT64_MAX);

  Result<void> apply(const TreePolicy& policy);
  // Nothing is at the destination before one of these has succeeded: the second for the form initrd.
  Result<ImageSummary> finish();
  Result<InitrdSummary> finish_initrd(Compression compression);

 private:
  ImageBuilder(AtomicFile file, UniqueFd waiting, ImageOptions options);
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
