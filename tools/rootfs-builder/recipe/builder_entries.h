// One entry of a recipe goes into an image in the making.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "image/tree/new_files.h"
#include "recipe/recipe.h"

namespace cg {

Result<void> put_host_file(image::NewFiles& builder, const std::string& dest,
                           const std::filesystem::path& source, const RecipeOwner& owner, std::int64_t time);
Result<void> put_text(image::NewFiles& builder, const std::string& dest, std::string text,
                      const RecipeOwner& owner, std::int64_t time);
Result<void> put_directory(image::NewFiles& builder, const std::string& path, const RecipeOwner& owner,
                           std::int64_t time);
Result<void> put_link(image::NewFiles& builder, const std::string& path, const std::string& target,
                      std::int64_t time);

}  // namespace cg
