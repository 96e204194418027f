// What verify says of one thing.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/reader.h"
#include "image/tree/change.h"
#include "recipe/plan.h"

namespace cg {

struct Check {
  std::string name;
  std::string verdict;  // PASS, FAIL or UNKNOWN
  std::string detail;
  std::string path = {};  // in the image, where there is one
};

// Is the file in the image this very one of the host?
Result<Check> check_file(const image::ImageReader& reader, const image::Injection& expected);

// Is everything in the image that a recipe puts there? One check for each thing that is not as the recipe
// says, or one that says that all are. An input that the caller does not give has to be there, with any
// bytes; an optional one may be missing, with all that needs it.
Result<std::vector<Check>> check_recipe(const image::ImageReader& reader, Plan plan);

}  // namespace cg
