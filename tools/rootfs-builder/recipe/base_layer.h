// The part of an image that comes from the distribution, as a tar in the cache: made once per recipe and
// suite, found there without network or apt afterwards.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "recipe/recipe.h"

namespace cg {

struct LayerOptions {
  std::filesystem::path cache;
  std::ostream* progress = nullptr;
  bool terminal = false;
  bool refresh = false;  // ask apt again, also when there is one in the cache
  bool offline = false;  // the cache, or nothing
};

struct BaseLayer {
  std::filesystem::path tar;
  bool cached = false;
};

// Programs picked out of packages (Recipe::debs).
Result<BaseLayer> picked_layer(const RecipeDebs& debs, const LayerOptions& options);
// A whole system (Recipe::debian), by mmdebstrap.
Result<BaseLayer> debian_layer(const RecipeDebian& debian, const LayerOptions& options);

}  // namespace cg
