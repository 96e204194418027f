#include "install.h"

#include "base/file.h"
#include "base/sha256.h"

namespace cg {
namespace fs = std::filesystem;

Result<BuiltFile> describe_file(const fs::path& path) {
  CG_TRY(sha256, sha256_file(path));
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return cannot(path.string() + ": " + error.message());
  return BuiltFile{path.filename().string(), sha256, size};
}

Result<void> install_kernel(const KernelManifest& manifest, const fs::path& from, const fs::path& to) {
  CG_CHECK(make_directories(to));
  for (const auto& file : manifest.files)
    CG_CHECK(copy_file_atomically(from / file.name, to / file.name, 0644));
  CG_CHECK(write_manifest(to / "kernel.json", manifest));
  for (const auto& file : manifest.files) {
    const std::string kind = file.name.substr(0, file.name.find('-'));
    if (kind != "config") CG_CHECK(symlink_atomically(file.name, to / (kind + ".container")));
  }
  return {};
}

}  // namespace cg
