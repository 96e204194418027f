// What a recipe under recipes/rootfs/ says; recipes/rootfs/README.md describes the keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

struct RecipeOwner {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// A file that the user names with --set NAME=PATH.
struct RecipeInput {
  std::string name;
  std::string what;  // for people: "static CRIU"
  std::string dest;
  RecipeOwner owner;
  bool optional = false;
};

// Programs out of Debian packages, with the libraries they need and nothing else.
struct RecipeDebs {
  std::vector<std::string> packages;
  std::vector<std::string> include;  // globs over the packages' paths
};

// A Debian system made by mmdebstrap.
struct RecipeDebian {
  std::string variant = "minbase";
  std::vector<std::string> packages;
  std::vector<std::string> exclude;  // globs, as dpkg's path-exclude
};

struct RecipeDirectory {
  std::string path;
  RecipeOwner owner;
  std::string needs;  // name of an input; left out when that is not given. Also below.
};

struct RecipeLink {
  std::string path;
  std::string target;
  std::string needs;
  bool unless_present = false;
};

struct RecipeFile {
  std::string dest;
  std::filesystem::path source;  // empty: `content`
  std::string content;
  RecipeOwner owner;
  std::string needs;
};

struct Recipe {
  std::filesystem::path path;
  std::string name;
  std::string description;
  std::string size = "auto";
  std::string label;
  std::string journal = "auto";
  bool merged_usr = false;  // /bin, /sbin, /lib and /lib64 are links into /usr
  std::optional<RecipeDebs> debs;
  std::optional<RecipeDebian> debian;
  std::vector<std::filesystem::path> layers;
  std::vector<std::string> remove;
  std::vector<RecipeDirectory> directories;
  std::vector<RecipeFile> files;
  std::vector<RecipeLink> links;
  std::vector<RecipeInput> inputs;
};

// Refused with file:line:column for what is not understood.
Result<Recipe> load_recipe(const std::filesystem::path& path);

}  // namespace cg
