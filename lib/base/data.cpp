#include "base/data.h"

#include <algorithm>
#include <system_error>

#include "base/shown.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;

Result<fs::path> data_directory(const Environment& env) {
  if (const auto own = env.variable("CRIU_GUEST_DATA"); own && !own->empty()) {
    if (fs::is_directory(fs::path(*own) / "recipes")) return fs::path(*own);
    return usage_error("CRIU_GUEST_DATA=" + *own + ": no folder recipes/ in it");
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  // A build directory lies in the checkout or names it; an installed program has its data beside it.
  for (fs::path directory = program.parent_path(); directory.has_relative_path();
       directory = directory.parent_path()) {
    if (fs::is_directory(directory / "recipes") && fs::is_directory(directory / "kconfig")) return directory;
    const fs::path installed = directory.parent_path() / "share" / "criu-guest";
    if (fs::is_directory(installed / "recipes")) return installed;
  }
  if (fs::is_directory(fs::path(CG_DATA_DIRECTORY) / "recipes")) return fs::path(CG_DATA_DIRECTORY);
  return cannot(
      "the recipes were not found; set CRIU_GUEST_DATA to the folder that holds recipes/ and kconfig/");
}

namespace {

Result<fs::path> recipe_directory(const Environment& env, const std::string& kind,
                                  const std::string& directory) {
  if (!directory.empty()) return fs::path(directory);
  CG_TRY(data, data_directory(env));
  return data / "recipes" / kind;
}

}  // namespace

Result<std::vector<std::string>> recipe_names(const Environment& env, const std::string& kind,
                                              const std::string& directory) {
  CG_TRY(place, recipe_directory(env, kind, directory));
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(place, error))
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  if (error) return cannot(place.string() + ": " + error.message());
  std::ranges::sort(names);
  return names;
}

Result<fs::path> find_recipe(const Environment& env, const std::string& kind, const std::string& name,
                             const std::string& directory) {
  if (name.contains('/') || name.ends_with(".toml")) {
    if (fs::is_regular_file(name)) return fs::path(name);
    return cannot(name + ": no such recipe file");
  }
  CG_TRY(names, recipe_names(env, kind, directory));
  CG_TRY(place, recipe_directory(env, kind, directory));
  if (std::ranges::find(names, name) != names.end()) return place / (name + ".toml");
  std::vector<std::string> ordered = nearest(name, names, names.size());
  for (const auto& known : names)
    if (std::ranges::find(ordered, known) == ordered.end()) ordered.push_back(known);
  return usage_error("no " + kind + " recipe '" + brief(name) + "'" + did_you_mean(name, names) +
                     " (known: " + join(ordered, ", ") + ")");
}

}  // namespace cg
