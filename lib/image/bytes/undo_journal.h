// What makes --in-place safe: before an image is changed under its name, the bytes that will be overwritten
// are written beside it and synced. While that file exists the edit is not done: who looks at the image sees
// the old bytes, and who edits it next puts them back. docs/undo-journal.md describes the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "image/bytes/overlay.h"

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

// Refused: a directory in which others could exchange the image's journal.
Result<void> check_journal_place(const std::filesystem::path& image);

// A journal that is believed and whole; its file stays open.
class UndoJournal {
 public:
  // Refused: no regular file, or one of another user than the image's owner or who runs this, or one that is
  // damaged or belongs to another image.
  static Result<UndoJournal> open(const std::filesystem::path& journal, int image_fd,
                                  const std::string& image_name);
  std::uint64_t image_bytes() const { return image_bytes_; }  // before the edit
  // The old bytes, for who only looks. `image` lies over the file as long as it was; this must stay.
  Result<void> lay_over(Overlay& image) const;
  // Puts the old bytes and size into the open image and syncs it.
  Result<void> put_back(int image_fd) const;

  struct Record;

 private:
  UndoJournal() = default;
  std::unexpected<Error> damaged() const;
  Result<void> check(Device& now);
  Result<void> visit(const std::function<Result<void>(const Record&, std::uint64_t)>& visitor) const;

  UniqueFd fd_;
  std::string name_;
  std::string image_name_;
  std::uint64_t image_bytes_ = 0;
};

// Of a journal that is not there yet when the image is opened: open() and put_back().
Result<void> replay_undo_journal(const std::filesystem::path& journal, int image_fd,
                                 const std::string& image_name);

// Removes the journal so that it stays removed.
Result<void> remove_undo_journal(const std::filesystem::path& journal);

// What an interrupted edit of the image left beside it, if it did; `image` is no symbolic link.
Result<std::optional<UndoJournal>> find_undo_journal(const std::filesystem::path& image, int image_fd);

// For an editor, who holds the image's lock (image_lock.h): the other edit is over. Puts the old bytes back.
enum class Recovery { none, undone };
Result<Recovery> recover_image(const std::filesystem::path& image);

}  // namespace cg::image
