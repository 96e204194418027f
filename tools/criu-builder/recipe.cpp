#include "recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/data.h"
#include "base/file.h"
#include "base/shown.h"
#include "base/text.h"
#include "criu/versions.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

bool stays_inside(const std::string& path) {
  const auto parts = split(path, '/');
  return !path.empty() && !path.starts_with('/') && std::ranges::find(parts, "..") == parts.end();
}

std::string inside_path(TomlReader& reader, std::string_view key) {
  std::string path = reader.required_string(key);
  if (!stays_inside(path)) reader.fail(key, "'" + path + "' is no path inside the source tree");
  return path;
}

Result<void> replace_once(const fs::path& tree, const Replacement& change) {
  const fs::path path = tree / change.file;
  CG_TRY(text, read_file(path));
  const std::size_t at = text.find(change.old_text);
  if (at == std::string::npos || text.find(change.old_text, at + 1) != std::string::npos)
    return refused(fmt::format("{}: the recipe's [[replace]] must match exactly once, and matches {}: {}",
                               change.file, at == std::string::npos ? "nowhere" : "more than once",
                               change.old_text));
  text.replace(at, change.old_text.size(), change.new_text);
  std::error_code error;
  const auto mode = static_cast<unsigned>(fs::status(path, error).permissions());
  return write_file_atomically(path, text, mode & 0777U);
}

// name, version, program, [[package]] (name, suite, optional version_pattern): a distribution's binary.
Result<CriuRecipe> load_binary_recipe(const TomlNode& root, CriuRecipe recipe) {
  const std::string file = recipe.file.string();
  TomlReader reader(root, file);
  reader.only({"name", "version", "program", "package"});
  recipe.source.name = reader.required_string("name");
  recipe.source.version = reader.required_string("version");
  recipe.binary = BinaryRecipe{.program = inside_path(reader, "program"), .packages = {}};
  if (recipe.file.stem() != recipe.source.version)
    reader.fail("version", fmt::format("'{}' in a file named {}", recipe.source.version,
                                       recipe.file.filename().string()));
  for (const TomlNode* table : reader.tables("package")) {
    TomlReader package(*table, file);
    package.only({"name", "suite", "version_pattern"});
    Source source{.kind = SourceKind::debian_package};
    source.package = package.required_string("name");
    source.suite = package.required_string("suite");
    source.version_pattern = package.string("version_pattern");
    for (const auto* word : {&source.package, &source.suite})
      if (!stays_inside(*word) || word->contains('/') || word->starts_with('-'))
        package.fail("name", "'" + *word + "' is no plain name");
    CG_CHECK(package.error());
    recipe.binary->packages.push_back(std::move(source));
  }
  CG_CHECK(reader.error());
  return recipe;
}

}  // namespace

Result<CriuRecipe> load_recipe(const fs::path& file) {
  CG_TRY(document, load_toml(file));
  CriuRecipe recipe{.file = file};
  TomlReader reader(document.root(), file.string());
  if (!reader.tables("package").empty()) return load_binary_recipe(document.root(), std::move(recipe));
  CG_TRY(source, read_sources(document.root(), file.string()));
  recipe.source = std::move(source);
  reader.only({"name", "version", "source", "libraries", "make", "rename", "replace"});
  recipe.libraries = reader.strings("libraries");
  recipe.make = reader.strings("make");
  if (recipe.libraries.empty()) reader.fail("libraries", "the static libraries that CRIU links are required");
  if (file.stem() != recipe.source.version)
    reader.fail("version",
                fmt::format("'{}' in a file named {}", recipe.source.version, file.filename().string()));
  for (const TomlNode* entry : reader.tables("rename")) {
    TomlReader rename(*entry, file.string());
    rename.only({"from", "to"});
    recipe.renamings.push_back({inside_path(rename, "from"), inside_path(rename, "to")});
    CG_CHECK(rename.error());
  }
  for (const TomlNode* entry : reader.tables("replace")) {
    TomlReader replace(*entry, file.string());
    replace.only({"file", "old", "new"});
    recipe.replacements.push_back(
        {inside_path(replace, "file"), replace.required_string("old"), replace.required_string("new")});
    if (recipe.replacements.back().old_text.empty()) replace.fail("old", "an empty text is everywhere");
    CG_CHECK(replace.error());
  }
  CG_CHECK(reader.error());
  return recipe;
}

Result<fs::path> recipe_directory(const Environment& env, const std::string& option) {
  if (!option.empty()) {
    if (fs::is_directory(fs::path(option) / "criu")) return fs::path(option) / "criu";
    if (fs::is_directory(option)) return fs::path(option);
    return cannot("--recipes " + option + ": no such directory");
  }
  CG_TRY(data, data_directory(env));
  return data / "recipes" / "criu";
}

Result<std::vector<std::string>> recipe_versions(const fs::path& directory) {
  std::vector<std::string> versions;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.path().extension() == ".toml") versions.push_back(entry.path().stem().string());
  if (error) return cannot(directory.string() + ": " + error.message());
  if (versions.empty()) return cannot(directory.string() + ": no recipe (VERSION.toml) in it");
  std::ranges::sort(versions, [](const std::string& a, const std::string& b) {
    const auto left = parse_version(a).value_or(Version{});
    const auto right = parse_version(b).value_or(Version{});
    return left != right ? left < right : a < b;
  });
  return versions;
}

Result<std::string> choose_version(const std::string& word, const std::vector<std::string>& versions) {
  const std::string bare = word.starts_with('v') ? word.substr(1) : word;
  if (std::ranges::find(versions, bare) != versions.end()) return bare;
  std::vector<Version> known;
  for (const auto& name : versions)
    if (const auto version = parse_version(name)) known.push_back(*version);
  if (const auto meant = meant_version(bare, known, criu_versions().preferred)) return meant->text();
  std::vector<std::string> ordered = nearest(bare, versions, versions.size());
  for (const auto& name : versions)
    if (std::ranges::find(ordered, name) == ordered.end()) ordered.push_back(name);
  return usage_error(fmt::format("no recipe for CRIU '{}'{} (known versions: {})", brief(word),
                                 did_you_mean(bare, versions), join(ordered, ", ")));
}

Result<void> apply_edits(const CriuRecipe& recipe, const fs::path& tree) {
  for (const auto& change : recipe.renamings) {
    std::error_code error;
    fs::create_directories((tree / change.to).parent_path(), error);
    fs::rename(tree / change.from, tree / change.to, error);
    if (error)
      return refused(fmt::format("{}: the recipe renames {} to {}: {}", recipe.file.string(), change.from,
                                 change.to, error.message()));
  }
  for (const auto& change : recipe.replacements) {
    if (auto done = replace_once(tree, change); !done)
      return std::unexpected(Error{done.error().kind, recipe.file.string() + ": " + done.error().message});
  }
  return {};
}

}  // namespace cg
