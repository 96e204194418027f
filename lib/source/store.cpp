// A file in its place was hashed when it came; "<name>.verified" beside it holds the size, time and inode it
// had then, so that a large tarball is hashed again only after somebody touched it.
#include "source/store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <system_error>

#include "base/sha256.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

fs::path stamp_of(const fs::path& file) {
  return file.string() + ".verified";
}

std::string identity(const fs::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  return fmt::format("{} {}.{:09} {}\n", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ino);
}

bool is_verified(const fs::path& file) {
  const auto stamp = read_file(stamp_of(file), 4096);
  return stamp && !stamp->empty() && *stamp == identity(file);
}

}  // namespace

fs::path SourceStore::place(const std::string& sha256, const std::string& name) const {
  return directory() / sha256 / name;
}

fs::path SourceStore::part(const std::string& sha256, const std::string& name) const {
  return directory() / sha256 / (name + ".part");
}

Result<FileLock> SourceStore::lock(const std::string& key, Progress& progress) const {
  return FileLock::acquire(directory() / ".locks" / key,
                           [&](const std::string& line) { progress.line(line); });
}

Result<std::optional<fs::path>> SourceStore::find(const std::string& sha256, const std::string& name,
                                                  Progress& progress) const {
  const fs::path own = place(sha256, name);
  if (is_verified(own)) return own;
  for (const fs::path& candidate : {own, directory() / name, cache_ / name}) {
    std::error_code ignored;
    if (!fs::is_regular_file(candidate, ignored)) continue;
    CG_TRY(found, sha256_file(candidate));
    if (found != sha256) {
      progress.line(
          fmt::format("{}: not used: its SHA-256 is {}, not {}", candidate.string(), found, sha256));
      continue;
    }
    if (candidate != own) {
      // A second name for the same bytes, so that the stamp can stand beside it; a read-only cache works
      // without.
      fs::create_directories(own.parent_path(), ignored);
      fs::create_hard_link(candidate, own, ignored);
      if (ignored) return candidate;
    }
    (void)write_file_atomically(stamp_of(own), identity(own));
    return own;
  }
  return std::nullopt;
}

Result<fs::path> SourceStore::adopt(const fs::path& file, const std::string& sha256,
                                    const std::string& name) const {
  const fs::path own = place(sha256, name);
  CG_CHECK(make_directories(own.parent_path()));
  std::error_code error;
  if (fs::exists(own, error)) set_aside(own);  // damaged, or find() would have returned it
  fs::rename(file, own, error);
  if (error)
    return cannot(fmt::format("renaming {} to {}: {}", file.string(), own.string(), error.message()));
  CG_CHECK(write_file_atomically(stamp_of(own), identity(own)));
  return own;
}

fs::path SourceStore::set_aside(const fs::path& file) const {
  std::error_code error;
  fs::path aside = file;
  for (int i = 1; fs::exists(aside, error); ++i) aside = fmt::format("{}.wrong{}", file.string(), i);
  fs::rename(file, aside, error);
  return error ? file : aside;
}

}  // namespace cg
