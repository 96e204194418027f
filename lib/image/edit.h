// Changes an existing image, wherever in its file the file system lies: all of the changes or, whatever
// fails, none.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "image/options/edit_options.h"
#include "image/tree/change.h"

namespace cg::image {

// A link to the image stays a link. Refused: an image in use, or what its file system's edit refuses.
Result<EditSummary> edit(const std::filesystem::path& image, const std::vector<Change>& changes,
                         const EditOptions& options = {});

}  // namespace cg::image
