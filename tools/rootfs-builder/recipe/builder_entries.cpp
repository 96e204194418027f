#include "recipe/builder_entries.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

image::Metadata metadata(image::NodeType type, const RecipeOwner& owner, std::int64_t time) {
  return {.type = type, .mode = owner.mode, .uid = owner.uid, .gid = owner.gid, .mtime = {time, 0}};
}

}  // namespace

Result<void> put_host_file(image::NewFiles& builder, const std::string& dest, const fs::path& source,
                           const RecipeOwner& owner, std::int64_t time) {
  std::error_code error;
  const fs::path real = fs::canonical(source, error);
  const auto size = error ? 0 : fs::file_size(real, error);
  if (error) return cannot(source.string() + ": " + error.message());
  CG_TRY(index, builder.tree().add(dest, metadata(image::NodeType::regular, owner, time)));
  builder.set_host_file(index, real, size);
  return {};
}

Result<void> put_text(image::NewFiles& builder, const std::string& dest, std::string text,
                      const RecipeOwner& owner, std::int64_t time) {
  CG_TRY(index, builder.tree().add(dest, metadata(image::NodeType::regular, owner, time)));
  builder.set_bytes(index, std::move(text));
  return {};
}

Result<void> put_directory(image::NewFiles& builder, const std::string& path, const RecipeOwner& owner,
                           std::int64_t time) {
  CG_TRY(index, builder.tree().add(path, metadata(image::NodeType::directory, owner, time)));
  (void)index;
  return {};
}

Result<void> put_link(image::NewFiles& builder, const std::string& path, const std::string& target,
                      std::int64_t time) {
  image::Metadata meta{.type = image::NodeType::symlink, .mode = 0777, .mtime = {time, 0}, .target = target};
  CG_TRY(index, builder.tree().add(path, std::move(meta)));
  (void)index;
  return {};
}

}  // namespace cg
