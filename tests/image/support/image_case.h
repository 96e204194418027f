// What the tests of images share: the tool run in process, tars made entry by entry, and readers that are not
// ours.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "temporary_directory.h"

struct archive;
struct archive_entry;

namespace cg {

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// rootfs-builder with these arguments; only `variables` are in its environment.
Outcome rootfs_builder(const std::vector<std::string>& args,
                       std::map<std::string, std::string> variables = {});

// Skips the calling test where e2fsprogs is not installed.
#define NEEDS_PROGRAM(name) \
  if (!::cg::find_program(name)) GTEST_SKIP() << name " is not installed"

// e2fsck -fn finds nothing in the file system that starts `offset` bytes into the image. CG_E2FSCK names
// another e2fsck than that on PATH, of a newer version for example.
testing::AssertionResult is_clean(const std::filesystem::path& image, std::uint64_t offset = 0);
// What debugfs prints for one request.
std::string debugfs(const std::filesystem::path& image, const std::string& request, std::uint64_t offset = 0);
std::string bytes_of(const std::filesystem::path& file);
// The names in a directory, temporary files too.
std::vector<std::string> names_in(const std::filesystem::path& directory);

// As one stream of libarchive's filter of that name: gzip, zstd, xz, bzip2, lz4.
std::string packed(const std::string& bytes, const std::string& filter);

struct TarEntry {
  std::string path;
  char type = 'f';      // f d l h c b p
  std::string content;  // a file's bytes, or what a link (l) or hard link (h) names
  unsigned mode = 0644;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t mtime = 1700000000;
  long nanoseconds = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs = {};
};

// Writes a pax tar; names are taken as they are, however hostile.
void write_tar_file(const std::filesystem::path& tar, const std::vector<TarEntry>& entries,
                    const char* filter = nullptr);

class ImageCase : public testing::Test {
 protected:
  std::filesystem::path path(std::string_view name) const { return directory_.path() / name; }
  std::string text(std::string_view name) const { return path(name).string(); }
  // create --from TAR -o image.img; the image's path.
  std::string image_of(const std::vector<TarEntry>& entries, std::vector<std::string> more = {});

 private:
  TemporaryDirectory directory_;
};

}  // namespace cg
