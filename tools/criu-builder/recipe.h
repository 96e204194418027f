// A recipe under recipes/criu/: where one CRIU version comes from and what must be changed in it to build
// here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "source/source.h"

namespace cg {

struct Replacement {
  std::string file;
  std::string old_text;  // stands in the file exactly once
  std::string new_text;
};

struct Renaming {
  std::string from;
  std::string to;
};

// Instead of a source: a program that a distribution has built, and the packages that hold it and the
// libraries that it asks for.
struct BinaryRecipe {
  std::string program;           // "usr/sbin/criu", in the first package
  std::vector<Source> packages;  // debian_package
};

struct CriuRecipe {
  std::filesystem::path file;
  SourceList source;  // no sources when there is a binary
  std::optional<BinaryRecipe> binary;
  std::vector<std::string> libraries;  // static archives it links, without "lib" and ".a"
  std::vector<std::string> make;       // further arguments for make
  std::vector<Renaming> renamings;     // done before the replacements
  std::vector<Replacement> replacements;
};

Result<CriuRecipe> load_recipe(const std::filesystem::path& file);

// The recipes that can be chosen from: --recipes DIR, else recipes/criu of the data directory.
Result<std::filesystem::path> recipe_directory(const Environment& env, const std::string& option);
// The versions that have a recipe there, oldest first.
Result<std::vector<std::string>> recipe_versions(const std::filesystem::path& directory);
// What a user means by "3.17", "4", "4.x", "default" or "": one of `versions`. Usage error listing them,
// nearest first.
Result<std::string> choose_version(const std::string& word, const std::vector<std::string>& versions);

// Makes the recipe's changes in an unpacked tree. Refused when a text does not stand in its file exactly
// once.
Result<void> apply_edits(const CriuRecipe& recipe, const std::filesystem::path& tree);

}  // namespace cg
