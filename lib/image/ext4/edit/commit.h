// Brings prepared changes into an image file so that its name always leads to the old bytes or to all of the
// new.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "image/bytes/overlay.h"

namespace cg::image {

struct CommitTarget {
  std::filesystem::path image;   // no symbolic link
  int fd;                        // open and locked
  std::uint64_t superblock = 0;  // bytes from the file's start
};

// Into a copy that takes the image's name when it is complete and synced. `disk` is what the overlay lies
// over.
Result<void> commit_as_copy(const CommitTarget& target, FileDevice& disk, Overlay& changes);
// Into the file itself: undo journal, superblock marked unclean, changes, clean superblock, journal removed.
// When a step fails the old bytes are put back at once; when the process dies, by whoever opens the image
// next.
Result<void> commit_in_place(const CommitTarget& target, FileDevice& disk, Overlay& changes);

}  // namespace cg::image
