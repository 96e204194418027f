// Changes an ext2/3/4 file system: the whole edit is worked out in memory first (overlay.h), so that one that
// is too small is refused before anything is written. Then either a copy takes the image's name when it is
// complete and synced, or the image itself is changed under the protection of an undo journal.
#pragma once

#include "image/options/edit_options.h"
#include "image/tree/editor.h"

namespace cg::image {

// `sources` has an open file for each injection among `changes`. Refused: not cleanly unmounted, damaged, or
// with features that cannot be edited safely.
Result<EditSummary> edit_ext(const EditTarget& target, const std::vector<Change>& changes,
                             std::vector<SourceFile>& sources, const EditOptions& options);

}  // namespace cg::image
