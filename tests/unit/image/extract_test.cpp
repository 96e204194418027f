#include "image/tree/extract.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg::image {
namespace {

namespace fs = std::filesystem;

// rename(2) alone would put it over an empty directory or a file that somebody made meanwhile.
TEST(Extract, ItsNameIsNeverTakenFromAnother) {
  const TemporaryDirectory directory;
  const fs::path part = directory.path() / "part";
  fs::create_directories(part);
  const fs::path taken = directory.path() / "taken";
  fs::create_directories(taken);
  const auto refused = name_new(part, taken);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_TRUE(fs::exists(part));
  EXPECT_TRUE(name_new(part, directory.path() / "free"));
  EXPECT_FALSE(fs::exists(part));
  EXPECT_TRUE(fs::is_directory(directory.path() / "free"));
  EXPECT_EQ(name_new(part, directory.path() / "other").error().kind, ErrorKind::cannot);
}

}  // namespace
}  // namespace cg::image
