// Brings the libraries and the loader that files going into an image need and the image lacks: from the host,
// or from a directory of libraries.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/tree/change.h"
#include "programs/loader.h"
#include "programs/root_tree.h"

namespace cg {

// Where libraries are taken from.
struct LibrarySource {
  // Empty: the host's own root. Otherwise a root of its own, or a directory that holds libraries.
  std::filesystem::path directory;
};

// Adds what `programs` (paths of `image`, resolved) miss to `image`, and returns it as changes to the image.
// What is nowhere stays missing. Refused: a piece of a C library that is not the image's.
Result<std::vector<image::Change>> supply_libraries(LayeredTree& image, Loader& loader,
                                                    const std::vector<std::string>& programs,
                                                    const LibrarySource& source);

}  // namespace cg
