// A version whose source cannot be had, as a distribution has built it: its program with the loader and all
// libraries that it asks for, in one directory that can be moved, and a script beside it that starts the one
// by the other. For the lab; a guest's image gets a static CRIU.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "recipe.h"
#include "source/source.h"

namespace cg {

struct CriuBinary {
  std::filesystem::path script;     // criu-VERSION
  std::filesystem::path directory;  // criu-VERSION.d
  std::filesystem::path manifest;   // criu-VERSION.json: says whose binary it is, package by package
  std::string sha256;               // of the manifest, which names every file
};

// What an earlier run left in the cache, whole and unchanged.
std::optional<CriuBinary> find_binary(const CriuRecipe& recipe, const std::filesystem::path& cache);

// Fetches, unpacks and puts together. Refused when a library is missing, or the program says another version.
Result<CriuBinary> make_binary(const CriuRecipe& recipe, const FetchOptions& options);

// The same three under `destination`.
Result<CriuBinary> deliver_binary(const CriuBinary& made, const std::filesystem::path& destination);

}  // namespace cg
