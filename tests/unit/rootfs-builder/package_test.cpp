// Packages that hold more than they should, or links without end.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "hostile/raw_tar.h"
#include "recipe/package_archive.h"
#include "temporary_directory.h"
#include "unit/source/make_archive.h"

namespace cg {
namespace {

TEST(Package, TheBoundIsOfAllPackagesTogether) {
  const TemporaryDirectory directory;
  const auto first = directory.path() / "first.deb";
  make_deb(first, {{"usr/bin/a", std::string(100, 'a')}});
  PackageFiles files;
  ASSERT_TRUE(read_package(first, files));
  // By itself it would be just small enough.
  const auto second = directory.path() / "second.deb";
  make_archive(second,
               {{"debian-binary", "2.0\n"}, {"data.tar", header("usr/bin/b", limits::package_bytes - 50)}},
               true);
  const auto read = read_package(second, files);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().message.contains("packages hold more than 1073741824 bytes together"))
      << read.error().message;
}

TEST(Package, LinksWithoutEnd) {
  PackageFiles files;
  constexpr int links = 50000;
  for (int i = 0; i <= links; ++i) {
    const std::string path = "usr/bin/l" + std::to_string(i);
    PackageFile file{std::unique_ptr<archive_entry, EntryFree>(archive_entry_new()), {}};
    archive_entry_set_pathname(file.entry.get(), path.c_str());
    archive_entry_set_filetype(file.entry.get(), i == links ? AE_IFREG : AE_IFLNK);
    if (i < links) archive_entry_set_symlink(file.entry.get(), ("l" + std::to_string(i + 1)).c_str());
    files.insert_or_assign(path, std::move(file));
  }
  const auto selected = select_files(files, {"usr/bin/l0"});
  ASSERT_TRUE(selected) << selected.error().message;
  EXPECT_EQ(selected->size(), links + 1U);
}

}  // namespace
}  // namespace cg
