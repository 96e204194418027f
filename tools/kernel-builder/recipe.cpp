#include "recipe.h"

#include "base/file.h"
#include "base/toml/toml.h"

namespace cg {

Result<KernelRecipe> load_kernel_recipe(const std::filesystem::path& path) {
  KernelRecipe recipe;
  CG_TRY(text, read_file(path, 1 << 20));
  CG_TRY(document, parse_toml(text, path.string()));
  recipe.text = text;
  TomlReader reader(document.root(), path.string());
  reader.only({"name", "version", "fragments", "config", "source"});
  recipe.name = reader.required_string("name");
  recipe.fragments = reader.strings("fragments");
  if (recipe.fragments.empty()) reader.fail("fragments", "missing; name at least one fragment");
  CG_CHECK(reader.error());
  CG_TRY(config, parse_request(reader.string("config"), path.string() + ": config"));
  recipe.config = std::move(config);
  CG_TRY(sources, read_sources(document.root(), path.string()));
  recipe.sources = std::move(sources);
  recipe.sources.name = "linux-" + recipe.name;
  return recipe;
}

}  // namespace cg
