// Two processes and one lock: the second one is told who has it.
#include "base/file_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "temporary_directory.h"

namespace cg {
namespace {

TEST(FileLock, TellsWhoHasIt) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "below" / "lock";
  int ready[2], done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const auto lock = FileLock::acquire(path);
    char byte = lock ? 'y' : 'n';
    (void)!write(ready[1], &byte, 1);
    (void)!read(done[0], &byte, 1);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  std::string told;
  const auto lock = FileLock::acquire(path, [&](const std::string& line) {
    told += line;
    (void)!write(done[1], "x", 1);
  });
  EXPECT_TRUE(lock) << lock.error().message;
  EXPECT_TRUE(told.contains("(process " + std::to_string(holder) + ") holds " + path.string())) << told;
  waitpid(holder, nullptr, 0);
}

TEST(FileLock, SaysNothingWhenItIsFree) {
  TemporaryDirectory directory;
  std::string told;
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(FileLock::acquire(directory.path() / "lock", [&](const std::string& line) { told += line; }));
  EXPECT_EQ(told, "");
}

}  // namespace
}  // namespace cg
