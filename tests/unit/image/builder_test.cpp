#include "image/image_builder.h"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_directory.h"

namespace cg::image {
namespace {

// A look at its first bytes, whatever its size.
TEST(ImageBuilder, ReadsNoMoreOfAHostFileThanIsAskedFor) {
  const TemporaryDirectory directory;
  const auto host = directory.path() / "agent";
  std::ofstream(host) << "\177ELF";
  std::filesystem::resize_file(host, 300 << 20);
  auto builder = ImageBuilder::create(directory.path() / "image", {});
  ASSERT_TRUE(builder) << builder.error().message;
  const auto index = builder->tree().add("agent", {});
  ASSERT_TRUE(index);
  builder->set_host_file(*index, host, 300 << 20);
  const auto front = builder->read(*index, 4);
  ASSERT_TRUE(front) << front.error().message;
  EXPECT_EQ(*front, "\177ELF");
  EXPECT_FALSE(builder->read(*index, UINT64_MAX)) << "all of it is more than is held in memory";
}

}  // namespace
}  // namespace cg::image
