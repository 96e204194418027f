#include "recipe.h"

#include <fmt/format.h>

#include <charconv>

#include "base/toml.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

RecipeOwner read_owner(TomlReader& reader, std::uint32_t default_mode) {
  RecipeOwner owner{.mode = default_mode};
  if (const std::string mode = reader.string("mode"); !mode.empty()) {
    const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), owner.mode, 8);
    if (error != std::errc{} || end != mode.data() + mode.size() || owner.mode > 07777)
      reader.fail("mode", "not an octal mode such as \"0755\"");
  }
  const auto id = [&](std::string_view key) {
    const std::int64_t value = reader.integer(key, 0);
    if (value < 0 || value > UINT32_MAX - 1) reader.fail(key, "not a numeric id");
    return static_cast<std::uint32_t>(value);
  };
  owner.uid = id("uid");
  owner.gid = id("gid");
  return owner;
}

std::string read_path(TomlReader& reader, std::string_view key) {
  std::string path = reader.required_string(key);
  if (!path.starts_with('/')) reader.fail(key, "a path in the image starts with '/'");
  return path;
}

Result<void> read_inputs(TomlReader& top, Recipe& recipe) {
  for (const TomlTable* table : top.tables("input")) {
    TomlReader reader(*table, top.file());
    reader.only({"name", "what", "dest", "mode", "uid", "gid", "optional"});
    RecipeInput input{.name = reader.required_string("name"),
                      .what = reader.string("what"),
                      .dest = read_path(reader, "dest"),
                      .owner = read_owner(reader, 0755),
                      .optional = reader.boolean("optional", false)};
    if (input.what.empty()) input.what = input.name;
    CG_CHECK(reader.error());
    recipe.inputs.push_back(std::move(input));
  }
  return {};
}

// The value of "needs", which must name an input.
std::string read_needs(TomlReader& reader, const Recipe& recipe) {
  std::string needs = reader.string("needs");
  bool known = needs.empty();
  for (const auto& input : recipe.inputs) known = known || input.name == needs;
  if (!known) reader.fail("needs", fmt::format("'{}' is no [[input]] of this recipe", needs));
  return needs;
}

Result<void> read_bases(TomlReader& top, Recipe& recipe) {
  if (const TomlTable* table = top.table("debs")) {
    TomlReader reader(*table, top.file());
    reader.only({"packages", "include"});
    recipe.debs = RecipeDebs{reader.strings("packages"), reader.strings("include")};
    if (recipe.debs->packages.empty()) reader.fail("packages", "at least one package is needed");
    CG_CHECK(reader.error());
  }
  if (const TomlTable* table = top.table("debian")) {
    TomlReader reader(*table, top.file());
    reader.only({"variant", "packages", "exclude"});
    recipe.debian = RecipeDebian{reader.string("variant", "minbase"), reader.strings("packages"),
                                 reader.strings("exclude")};
    CG_CHECK(reader.error());
  }
  const fs::path directory = recipe.path.parent_path();
  for (const TomlTable* table : top.tables("layer")) {
    TomlReader reader(*table, top.file());
    reader.only({"source"});
    recipe.layers.push_back(directory / reader.required_string("source"));
    CG_CHECK(reader.error());
  }
  return {};
}

Result<void> read_entries(TomlReader& top, Recipe& recipe) {
  for (const TomlTable* table : top.tables("directory")) {
    TomlReader reader(*table, top.file());
    reader.only({"path", "mode", "uid", "gid", "needs"});
    recipe.directories.push_back(
        {read_path(reader, "path"), read_owner(reader, 0755), read_needs(reader, recipe)});
    CG_CHECK(reader.error());
  }
  for (const TomlTable* table : top.tables("file")) {
    TomlReader reader(*table, top.file());
    reader.only({"dest", "source", "content", "mode", "uid", "gid", "needs"});
    RecipeFile file{.dest = read_path(reader, "dest"),
                    .source = {},
                    .content = reader.string("content"),
                    .owner = read_owner(reader, 0644),
                    .needs = read_needs(reader, recipe)};
    const bool has_source = table->find("source") != nullptr;
    if (has_source == (table->find("content") != nullptr))
      reader.fail("dest", "a file has either a 'source' or a 'content'");
    if (has_source) file.source = recipe.path.parent_path() / reader.string("source");
    CG_CHECK(reader.error());
    recipe.files.push_back(std::move(file));
  }
  for (const TomlTable* table : top.tables("symlink")) {
    TomlReader reader(*table, top.file());
    reader.only({"path", "directory", "names", "target", "unless_present", "needs"});
    RecipeLink link{.path = {},
                    .target = reader.required_string("target"),
                    .needs = read_needs(reader, recipe),
                    .unless_present = reader.boolean("unless_present", false)};
    if (table->find("names")) {
      const std::string directory = read_path(reader, "directory");
      for (const auto& name : reader.strings("names")) {
        link.path = directory + "/" + name;
        recipe.links.push_back(link);
      }
    } else {
      link.path = read_path(reader, "path");
      recipe.links.push_back(std::move(link));
    }
    CG_CHECK(reader.error());
  }
  return {};
}

}  // namespace

Result<Recipe> load_recipe(const fs::path& path) {
  CG_TRY(table, load_toml(path));
  TomlReader top(table, path.string());
  top.only({"name", "description", "form", "size", "label", "journal", "merged_usr", "remove", "debs",
            "debian", "layer", "directory", "file", "symlink", "input"});
  Recipe recipe{.path = path,
                .name = top.required_string("name"),
                .description = top.string("description"),
                .size = top.string("size", "auto"),
                .label = top.string("label"),
                .journal = top.string("journal", "auto"),
                .merged_usr = top.boolean("merged_usr", false)};
  if (top.string("form", "ext4") != "ext4") top.fail("form", "the only form is \"ext4\"");
  recipe.remove = top.strings("remove");
  CG_CHECK(top.error());
  CG_CHECK(read_inputs(top, recipe));
  CG_CHECK(read_bases(top, recipe));
  CG_CHECK(read_entries(top, recipe));
  CG_CHECK(top.error());
  return recipe;
}

}  // namespace cg
