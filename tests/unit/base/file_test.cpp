#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/process.h"
#include "base/sha256.h"
#include "temporary_directory.h"

namespace cg {
namespace {

TEST(AtomicFile, LeavesTheOldFileAloneUntilCommitted) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "f";
  ASSERT_TRUE(write_file_atomically(path, "old"));
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new"));
  }
  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1)
      << "the temporary stayed";
}

TEST(AtomicFile, CopyKeepsHoles) {
  const TemporaryDirectory directory;
  const auto from = directory.path() / "sparse";
  ASSERT_TRUE(write_file_atomically(from, "head"));
  std::filesystem::resize_file(from, 64 << 20);
  ASSERT_TRUE(copy_file_atomically(from, directory.path() / "copy", 0640));
  struct stat info {};
  ASSERT_EQ(stat((directory.path() / "copy").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 64 << 20);
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
}

TEST(ReadFile, StopsAtItsLimit) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "f", std::string(100, 'x')));
  const auto result = read_file(directory.path() / "f", 99);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::refused);
}

TEST(Sha256, OfABCIsTheStandardsVector) {  // FIPS 180-2, appendix B.1
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Process, CapturesStreamsAndStatus) {
  const auto result = run({"sh", "-c", "cat; echo err >&2; exit 7"}, {.input = "hello"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "hello");
  EXPECT_EQ(result->err, "err\n");
  EXPECT_EQ(result->status, 7);
}

TEST(Process, KillsTheWholeGroupAtTheLimit) {
  const auto result = run({"sh", "-c", "sleep 60 & sleep 60"}, {.timeout = std::chrono::milliseconds(200)});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->timed_out);
  EXPECT_EQ(result->status, 128 + 9);
}

TEST(Process, AMissingProgramIsAnErrorAndNotAStatus) {
  EXPECT_FALSE(run({"no-such-program-here"}));
}

}  // namespace
}  // namespace cg
