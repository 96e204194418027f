// Changes an existing initrd: by an archive appended to it, whose entries lie over the old ones when the
// kernel unpacks them, or by writing the whole anew.
#pragma once

#include "image/options/edit_options.h"
#include "image/tree/editor.h"

namespace cg::image {

// `sources` has an open file for each injection among `changes`.
Result<EditSummary> edit_initrd(const EditTarget& target, const std::vector<Change>& changes,
                                std::vector<SourceFile>& sources, const EditOptions& options);

}  // namespace cg::image
