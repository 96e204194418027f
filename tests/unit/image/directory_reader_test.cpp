#include "image/sources/directory_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "temporary_directory.h"

namespace cg::image {
namespace {

namespace fs = std::filesystem;

// More entries than one batch holds lie in below/deep; meanwhile `below` gives way to a link to other files.
TEST(DirectoryReader, ADirectoryThatIsExchangedMeanwhileIsNotFollowed) {
  const TemporaryDirectory directory;
  const fs::path tree = directory.path() / "tree";
  const fs::path others = directory.path() / "others";
  fs::create_directories(tree / "below/deep");
  fs::create_directories(others);
  for (int i = 0; i < 600; ++i) std::ofstream(tree / "below/deep" / std::to_string(i)) << i;
  for (const fs::path& place : {tree / "below", others}) std::ofstream(place / "last") << "last";
  DirectoryReader reader(tree, DirectoryReader::Contents::read);
  HostBatch batch;
  auto more = reader.read(batch);
  ASSERT_TRUE(more && *more);
  fs::rename(tree / "below", directory.path() / "away");
  fs::create_symlink(others, tree / "below");
  while (more && *more) more = reader.read(batch);
  ASSERT_FALSE(more);
  EXPECT_FALSE(more.error().message.empty());
}

TEST(DirectoryReader, WhatIsExchangedForAnotherDirectoryIsNamed) {
  const TemporaryDirectory directory;
  const fs::path tree = directory.path() / "tree";
  fs::create_directories(tree / "a/below/deep");
  for (int i = 0; i < 600; ++i) std::ofstream(tree / "a/below/deep" / std::to_string(i)) << i;
  std::ofstream(tree / "a/below/last") << "last";
  fs::create_directories(directory.path() / "other/below");
  DirectoryReader reader(tree, DirectoryReader::Contents::read);
  HostBatch batch;
  auto more = reader.read(batch);
  ASSERT_TRUE(more && *more);
  fs::rename(tree / "a", directory.path() / "away");
  fs::create_symlink(directory.path() / "other", tree / "a");
  while (more && *more) more = reader.read(batch);
  ASSERT_FALSE(more);
  EXPECT_TRUE(more.error().message.contains("a/below: became another directory")) << more.error().message;
}

}  // namespace
}  // namespace cg::image
