// Before files go into an image: can what they are be started there?
#pragma once

#include <filesystem>
#include <ostream>
#include <vector>

#include "base/result.h"
#include "image/tree/change.h"
#include "programs/root_tree.h"
#include "recipe/library_supply.h"

namespace cg {

struct ProgramPolicy {
  bool force = false;                      // say what is wrong, and go on
  std::optional<LibrarySource> libraries;  // where what is missing comes from; empty: nothing is brought
};

// The changes that the injections among `changes` need before them. Refused, naming the file and the reason:
// a program of another machine than the image's, or one whose loader, libraries or symbol versions are not in
// the image and are not brought. With `force` these reasons go to `warnings`.
Result<std::vector<image::Change>> admit_programs(const RootTree& image,
                                                  const std::vector<image::Change>& changes,
                                                  const ProgramPolicy& policy, std::ostream& warnings);

// Whether one of the injections is an ELF file, so that there is something to ask the image.
Result<bool> has_programs(const std::vector<image::Change>& changes);

}  // namespace cg
