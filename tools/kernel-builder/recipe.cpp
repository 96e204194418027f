#include "recipe.h"

#include <fmt/format.h>

#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "base/toml/toml.h"

namespace cg {
namespace {

// A word of apt's command line.
bool is_package_name(std::string_view text) {
  return !text.empty() && !text.starts_with('-') && !text.starts_with('.') &&
         text.find_first_of("/ \t\n\\'\"") == std::string_view::npos;
}

// name, [[package]] (architecture, name, optional suite): a distribution's kernel.
Result<KernelRecipe> load_package_recipe(TomlReader& reader, const std::string& file, KernelRecipe recipe) {
  reader.only({"name", "package"});
  for (const TomlNode* table : reader.tables("package")) {
    TomlReader package(*table, file);
    package.only({"architecture", "name", "suite"});
    KernelPackage found{.architecture = package.required_string("architecture"),
                        .package = {.kind = SourceKind::debian_package,
                                    .package = package.required_string("name"),
                                    .suite = package.string("suite")}};
    for (const auto& [key, word] :
         {std::pair("name", &found.package.package), {"suite", &found.package.suite}})
      if (!is_package_name(*word) && !(word->empty() && word == &found.package.suite))
        package.fail(key, "'" + *word + "' is no plain name");
    CG_CHECK(package.error());
    recipe.packages.push_back(std::move(found));
  }
  CG_CHECK(reader.error());
  return recipe;
}

}  // namespace

Result<KernelRecipe> load_kernel_recipe(const std::filesystem::path& path) {
  KernelRecipe recipe;
  CG_TRY(text, read_file(path, 1 << 20));
  CG_TRY(document, parse_toml(text, path.string()));
  recipe.text = text;
  TomlReader reader(document.root(), path.string());
  recipe.name = reader.required_string("name");
  if (!reader.tables("package").empty()) return load_package_recipe(reader, path.string(), std::move(recipe));
  reader.only({"name", "version", "fragments", "config", "source"});
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

Result<Source> package_for(const KernelRecipe& recipe, const std::string& architecture) {
  std::vector<std::string> known;
  for (const auto& package : recipe.packages) {
    if (package.architecture == architecture) return package.package;
    known.push_back(package.architecture);
  }
  return usage_error(fmt::format("recipe {} names no package for {} (only for {})", recipe.name, architecture,
                                 join(known, ", ")));
}

}  // namespace cg
