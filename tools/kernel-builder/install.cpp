#include "install.h"

#include <system_error>

#include "base/file.h"
#include "base/sha256.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// With their times, by which an image of them is the same each time it is made.
Result<void> copy_tree(const fs::path& from, const fs::path& to) {
  std::error_code error;
  CG_CHECK(make_directories(to));
  for (fs::recursive_directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const fs::path target = to / at->path().lexically_relative(from);
    if (at->is_directory(error) && !at->is_symlink(error)) {
      fs::create_directory(target, error);
    } else if (at->is_symlink(error)) {
      fs::copy_symlink(at->path(), target, error);
    } else {
      fs::copy_file(at->path(), target, error);
      if (!error) fs::last_write_time(target, fs::last_write_time(at->path()), error);
    }
    if (error) return cannot(target.string() + ": " + error.message());
  }
  if (error) return cannot(from.string() + ": " + error.message());
  return {};
}

Result<void> install_modules(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::path beside = to.parent_path() / ("." + to.filename().string() + ".new");
  fs::remove_all(beside, error);  // what an interrupted run left
  CG_CHECK(copy_tree(from, beside));
  fs::remove_all(to, error);
  fs::rename(beside, to, error);
  if (error) return cannot(to.string() + ": " + error.message());
  return {};
}

}  // namespace

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
  if (!manifest.modules.empty()) CG_CHECK(install_modules(from / manifest.modules, to / manifest.modules));
  CG_CHECK(write_manifest(to / "kernel.json", manifest));
  for (const auto& file : manifest.files) {
    const std::string kind = file.name.substr(0, file.name.find('-'));
    if (kind != "config") CG_CHECK(symlink_atomically(file.name, to / (kind + ".container")));
  }
  return {};
}

}  // namespace cg
