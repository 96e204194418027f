// What makes --in-place safe: before an image is changed under its name, the bytes that will be overwritten
// are written beside it and synced. While that file exists the edit is not done; whoever opens the image next
// puts the old bytes back. docs/undo-journal.md describes the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/result.h"
#include "image/bytes/device.h"

namespace cg::image {

std::filesystem::path undo_journal_path(const std::filesystem::path& image);

// The superblock's two sectors as they may be found while the journal exists: before, marked unclean, and
// after the edit. An image that shows none of them is not the one that the journal belongs to.
struct UndoIdentity {
  static constexpr std::size_t sectors = 2;
  std::uint64_t superblock_offset = 0;       // bytes from the file's start
  std::uint32_t checksums[3][sectors] = {};  // CRC-32C of 512 bytes

  void set(std::size_t state, std::span<const std::byte> superblock);
  bool fits(std::span<const std::byte> superblock) const;
};

// Writes the journal: `ranges` (offset, count) of `image`, which has its old bytes and size, and syncs it.
Result<void> write_undo_journal(const std::filesystem::path& journal, Device& image,
                                const UndoIdentity& identity,
                                const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges);

// Puts the old bytes and size back into the open image and syncs it. Refused, with nothing changed, when the
// journal is damaged or belongs to another image.
Result<void> replay_undo_journal(const std::filesystem::path& journal, int image_fd,
                                 const std::string& image_name);

// Removes the journal so that it stays removed.
Result<void> remove_undo_journal(const std::filesystem::path& journal);

// Replays a journal that an interrupted edit left, if there is one; `image` is no symbolic link. Readers are
// refused while that edit is still going on; an editor holds the lock (image_lock.h), so that it is over.
enum class Recoverer { reader, editor };
Result<void> recover_image(const std::filesystem::path& image, Recoverer who);

}  // namespace cg::image
