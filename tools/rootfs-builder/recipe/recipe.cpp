#include "recipe/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/toml/toml.h"
#include "image/formats.h"
#include "recipe/kata_extension.h"

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
  for (const TomlNode* table : top.tables("input")) {
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
  if (const TomlNode* table = top.table("debs")) {
    TomlReader reader(*table, top.file());
    reader.only({"packages", "include"});
    recipe.debs = RecipeDebs{reader.strings("packages"), reader.strings("include")};
    if (recipe.debs->packages.empty()) reader.fail("packages", "at least one package is needed");
    CG_CHECK(reader.error());
  }
  if (const TomlNode* table = top.table("debian")) {
    TomlReader reader(*table, top.file());
    reader.only({"variant", "packages", "exclude"});
    recipe.debian = RecipeDebian{reader.string("variant", "minbase"), reader.strings("packages"),
                                 reader.strings("exclude")};
    CG_CHECK(reader.error());
  }
  const fs::path directory = recipe.path.parent_path();
  for (const TomlNode* table : top.tables("layer")) {
    TomlReader reader(*table, top.file());
    reader.only({"source"});
    recipe.layers.push_back(directory / reader.required_string("source"));
    CG_CHECK(reader.error());
  }
  return {};
}

Result<void> read_entries(TomlReader& top, Recipe& recipe) {
  for (const TomlNode* table : top.tables("directory")) {
    TomlReader reader(*table, top.file());
    reader.only({"path", "mode", "uid", "gid", "needs"});
    recipe.directories.push_back(
        {read_path(reader, "path"), read_owner(reader, 0755), read_needs(reader, recipe)});
    CG_CHECK(reader.error());
  }
  for (const TomlNode* table : top.tables("file")) {
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
  for (const TomlNode* table : top.tables("symlink")) {
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

Result<void> read_modules(TomlReader& top, Recipe& recipe) {
  const TomlNode* table = top.table("modules");
  if (!table) return {};
  TomlReader reader(*table, top.file());
  reader.only({"names", "source", "optional"});
  RecipeModules modules{
      .names = reader.strings("names"), .source = {}, .optional = reader.boolean("optional", false)};
  if (modules.names.empty()) reader.fail("names", "at least one module is needed");
  if (table->find("source")) modules.source = recipe.path.parent_path() / reader.string("source");
  for (const auto& input : recipe.inputs)
    if (input.name == "modules")
      reader.fail("names", "an [[input]] cannot be named 'modules' beside [modules]");
  recipe.modules = std::move(modules);
  return reader.error();
}

Result<void> read_services(TomlReader& top, Recipe& recipe) {
  const TomlNode* table = top.table("services");
  if (!table) return {};
  TomlReader reader(*table, top.file());
  reader.only({"enable", "disable", "mask"});
  recipe.services = {reader.strings("enable"), reader.strings("disable"), reader.strings("mask")};
  for (const auto& unit : recipe.services.enable)
    if (std::ranges::find(recipe.services.mask, unit) != recipe.services.mask.end())
      reader.fail("enable", fmt::format("'{}' is masked as well", unit));
  return reader.error();
}

// Dots part a setting's name, as they do TOML's keys: "net.ipv4.ip_forward = 1" needs no quotes.
Result<void> read_settings(const TomlNode& table, const std::string& prefix, const std::string& file,
                           Recipe& recipe) {
  // What Linux has below /proc/sys.
  static const std::vector<std::string> spaces = {"abi", "debug",  "dev",  "fs", "kernel",
                                                  "net", "sunrpc", "user", "vm", "crypto"};
  for (const TomlNode& value : table.children()) {
    const std::string name = prefix + std::string(value.key);
    const std::string space = name.substr(0, name.find_first_of("./"));
    const std::string at = position(value, file);
    if (std::ranges::find(spaces, space) == spaces.end())
      return refused(
          fmt::format("{}: {}: /proc/sys has no '{}'{}", at, name, space, did_you_mean(space, spaces)));
    if (value.kind == TomlNode::Kind::table)
      CG_CHECK(read_settings(value, name + ".", file, recipe));
    else if (value.kind == TomlNode::Kind::string && !value.text.contains('\n'))
      recipe.sysctl.push_back({name, std::string(value.text)});
    else if (value.kind == TomlNode::Kind::integer)
      recipe.sysctl.push_back({name, std::to_string(value.integer)});
    else if (value.kind == TomlNode::Kind::boolean)
      recipe.sysctl.push_back({name, value.boolean() ? "1" : "0"});
    else
      return refused(fmt::format("{}: {}: not a number, a line of text, true or false", at, name));
  }
  return {};
}

std::optional<std::uint32_t> read_id(TomlReader& reader, std::string_view key) {
  const std::int64_t value = reader.integer(key, -1);
  if (value < -1 || value > UINT32_MAX - 1) reader.fail(key, "not a numeric id");
  return value < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(value));
}

Result<void> read_accounts(TomlReader& top, Recipe& recipe) {
  for (const TomlNode* table : top.tables("group")) {
    TomlReader reader(*table, top.file());
    reader.only({"name", "gid", "members"});
    recipe.groups.push_back(
        {reader.required_string("name"), read_id(reader, "gid"), reader.strings("members")});
    CG_CHECK(reader.error());
  }
  for (const TomlNode* table : top.tables("user")) {
    TomlReader reader(*table, top.file());
    reader.only(
        {"name", "uid", "group", "groups", "comment", "home", "shell", "password", "locked", "make_home"});
    const auto given = [&](std::string_view key) {
      return table->find(key) ? std::optional(reader.string(key)) : std::nullopt;
    };
    RecipeUser user{.name = reader.required_string("name"),
                    .uid = read_id(reader, "uid"),
                    .group = given("group"),
                    .groups = reader.strings("groups"),
                    .comment = given("comment"),
                    .home = given("home"),
                    .shell = given("shell"),
                    .password = given("password"),
                    .locked = reader.boolean("locked", !table->find("password")),
                    .make_home = reader.boolean("make_home", false)};
    if (user.make_home && !user.home) reader.fail("make_home", "'home' says where");
    for (const auto& [key, path] : {std::pair{"home", user.home}, std::pair{"shell", user.shell}})
      if (path && !path->starts_with('/')) reader.fail(key, "a path in the image starts with '/'");
    CG_CHECK(reader.error());
    recipe.users.push_back(std::move(user));
  }
  return {};
}

}  // namespace

std::string Recipe::sysctl_text() const {
  std::string text;
  for (const auto& setting : sysctl) text += fmt::format("{} = {}\n", setting.key, setting.value);
  return text;
}

Result<Recipe> load_recipe(const fs::path& path) {
  CG_TRY(document, load_toml(path));
  TomlReader top(document.root(), path.string());
  top.only({"name",     "description", "form",       "verity",  "compression",   "size",
            "label",    "journal",     "merged_usr", "remove",  "debs",          "debian",
            "layer",    "directory",   "file",       "symlink", "input",         "modules",
            "services", "sysctl",      "group",      "user",    "kata_extension"});
  Recipe recipe{.path = path,
                .name = top.required_string("name"),
                .description = top.string("description"),
                .form = top.string("form", "ext4"),
                .verity = top.boolean("verity", false),
                .compression = top.string("compression"),
                .size = top.string("size", "auto"),
                .label = top.string("label"),
                .journal = top.string("journal", "auto"),
                .kata_extension = top.string("kata_extension"),
                .merged_usr = top.boolean("merged_usr", false)};
  if (const auto form = image::parse_form(recipe.form); !form) {
    top.fail("form", form.error().message);
  } else if (const auto good = image::check_options({.file_system = form->file_system,
                                                     .frame = {.kind = form->frame},
                                                     .compression = recipe.compression});
             !good) {
    top.fail("compression", good.error().message);
  }
  if (recipe.name.find_first_of("/ \n") != std::string::npos) top.fail("name", "is part of file names");
  if (!recipe.kata_extension.empty()) {
    if (!is_extension_name(recipe.kata_extension))
      top.fail("kata_extension", "Kata takes a name of 1 to 10 letters, digits, '-' and '_'");
    if (recipe.form != "kata-erofs" && recipe.form != "erofs")
      top.fail("form", "Kata mounts an extension as EROFS: kata-erofs, or erofs without verity");
  }
  recipe.remove = top.strings("remove");
  CG_CHECK(top.error());
  CG_CHECK(read_inputs(top, recipe));
  CG_CHECK(read_bases(top, recipe));
  CG_CHECK(read_entries(top, recipe));
  CG_CHECK(read_modules(top, recipe));
  CG_CHECK(read_services(top, recipe));
  if (const TomlNode* settings = top.table("sysctl"))
    CG_CHECK(read_settings(*settings, "", top.file(), recipe));
  std::ranges::sort(recipe.sysctl, {}, &RecipeSysctl::key);
  CG_CHECK(read_accounts(top, recipe));
  CG_CHECK(top.error());
  return recipe;
}

}  // namespace cg
