#include "base/file_at.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg {
namespace {

TEST(FileAt, WholeReadsAndWrites) {
  const TemporaryDirectory directory;
  const UniqueFd fd(open((directory.path() / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string text = "0123456789";
  EXPECT_EQ(write_at(fd.get(), std::as_bytes(std::span(text)), 5), 0);
  std::string got(20, 'x');
  const auto bytes = std::as_writable_bytes(std::span(got));
  EXPECT_EQ(read_at(fd.get(), bytes, 0), 15U);
  EXPECT_EQ(got, std::string(5, '\0') + text + "xxxxx");
  EXPECT_EQ(read_at(fd.get(), bytes, 15), 0U);
  EXPECT_EQ(read_at(-1, bytes, 0).error(), EBADF);
  EXPECT_EQ(write_at(-1, bytes, 0), EBADF);
}

}  // namespace
}  // namespace cg
