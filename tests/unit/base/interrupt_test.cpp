// In a child each: what a signal or a limit of the system leaves behind.
#include "base/interrupt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

#include "base/cli/cli.h"
#include "base/file.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

std::size_t names_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), {}));
}

TEST(Interrupt, LeavesNothingBehind) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    const TemporaryDirectory directory;
    const int status = in_child([&] {
      std::signal(number, SIG_DFL);  // who started the tests may ignore it
      clean_up_when_interrupted();
      const auto file = AtomicFile::create(directory.path() / "out");
      remove_when_interrupted(directory.path() / "work");
      fs::create_directories(directory.path() / "work/deep/er");
      auto done = AtomicFile::create(directory.path() / "done");
      if (!file || !done || !done->write("x") || !done->commit()) return 99;
      raise(number);
      for (;;) pause();
    });
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + number);
    EXPECT_EQ(names_in(directory.path()), 1U);
    EXPECT_TRUE(fs::exists(directory.path() / "done"));
  }
}

TEST(Interrupt, IsSaid) {
  const TemporaryDirectory directory;
  const auto said = directory.path() / "said";
  const int status = in_child([&] {
    const UniqueFd file(open(said.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return 99;
    dup2(file.get(), STDERR_FILENO);
    std::signal(SIGINT, SIG_DFL);
    clean_up_when_interrupted();
    remove_when_interrupted(directory.path() / "work");
    fs::create_directories(directory.path() / "work");
    raise(SIGINT);
    for (;;) pause();
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_TRUE(read_file(said).value_or("").ends_with(": interrupted; what was half made is gone\n"));
  EXPECT_FALSE(fs::exists(directory.path() / "work"));
}

TEST(Interrupt, AFileThatMayNotGrowIsAnError) {
  const TemporaryDirectory directory;
  const int status = in_child([&] {
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    char name[] = "tool";
    char* argv[] = {name, nullptr};
    return run_tool(1, argv, [&](const Args&, Environment&) {
      auto file = AtomicFile::create(directory.path() / "out");
      const auto written = file->write(std::string(1 << 20, 'x'));
      return written ? 99 : exit_status(written.error());
    });
  });
  ASSERT_TRUE(WIFEXITED(status)) << "killed by " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), exit_unable);
  EXPECT_EQ(names_in(directory.path()), 0U);
}

TEST(Interrupt, WhatAKilledProcessLeftGoesWithTheNext) {
  const TemporaryDirectory directory;
  const auto old = [&](const std::string& name) {
    std::ofstream(directory.path() / name) << "half";
    fs::last_write_time(directory.path() / name, fs::file_time_type::clock::now() - std::chrono::hours(1));
  };
  for (const char* name :
       {".out.123.0.part", ".out.123.1.part", ".out.x.part", ".other.1.0.part", "out.1.0.part"})
    old(name);
  // One that is at work.
  const UniqueFd busy(open((directory.path() / ".out.123.1.part").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(busy.get(), LOCK_EX), 0);
  std::ofstream(directory.path() / ".out.124.0.part") << "just begun";
  {
    auto file = AtomicFile::create(directory.path() / "out");
    ASSERT_TRUE(file && file->commit());
  }
  EXPECT_FALSE(fs::exists(directory.path() / ".out.123.0.part"));
  for (const char* name :
       {".out.123.1.part", ".out.x.part", ".other.1.0.part", "out.1.0.part", ".out.124.0.part", "out"})
    EXPECT_TRUE(fs::exists(directory.path() / name)) << name;
}

}  // namespace
}  // namespace cg
