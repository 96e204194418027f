// `--try` with programs that stand in for a criu that hangs, refuses, or works; a real one is the lab's.
#include "tasks/trial.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class TrialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // What other tests of this program have left is not the trial's.
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    fs::create_directory(directory_.path() / "tmp");
    setenv("TMPDIR", (directory_.path() / "tmp").c_str(), 1);
  }
  void TearDown() override {
    EXPECT_TRUE(fs::is_empty(directory_.path() / "tmp")) << "the trial's directory is left behind";
    EXPECT_TRUE(waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) << "a process is left behind";
    unsetenv("TMPDIR");
  }
  // A shell script that is called as criu is; $pid and $images are taken from its words.
  Result<Trial> try_script(const std::string& dump, const std::string& restore) {
    const auto script = directory_.path() / "criu";
    const std::string text =
        "#!/bin/sh\n"
        "command=$1; [ \"$2\" != --tree ] || pid=$3\n"
        "while [ $# -gt 0 ]; do [ \"$1\" != --images-dir ] || images=$2; shift; done\n"
        "if [ $command = dump ]; then " +
        dump + "; else " + restore + "\nfi\n";
    EXPECT_TRUE(write_file_atomically(script, text, 0755));
    return try_criu(script.string(), std::chrono::milliseconds(700));
  }

  TemporaryDirectory directory_;
};

// Counts where the process that was dumped had counted, from a number that it never came to.
constexpr const char* come_back =
    "( n=64; while [ $n -lt 120 ]; do printf \"\\\\$(printf %o $n)\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\1\" > "
    "$images/count; "
    "n=$((n + 1)); sleep 0.1; done ) > /dev/null 2>&1 &";

TEST_F(TrialTest, ADumpThatHangs) {
  const auto trial = try_script("sleep 60", "true");
  ASSERT_TRUE(trial) << trial.error().message;
  EXPECT_EQ(trial->failed, Trial::Step::dump);
  EXPECT_TRUE(trial->hung);
  EXPECT_EQ(finding_of(*trial).verdict, Verdict::fail);
}

TEST_F(TrialTest, ARefusalIsQuoted) {
  const auto trial = try_script(
      "echo '(00.1) Error (criu/x.c:1): no such luck' > $images/dump.log; echo '(00.2) the end' >> "
      "$images/dump.log; "
      "exit 1",
      "true");
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->failed, Trial::Step::dump);
  EXPECT_FALSE(trial->hung);
  EXPECT_EQ(trial->log,
            (std::vector<std::string>{"(00.1) Error (criu/x.c:1): no such luck", "(00.2) the end"}));
}

TEST_F(TrialTest, WhatIsRestoredMustGoOn) {
  const auto trial = try_script("kill -9 $pid", "true");
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->failed, Trial::Step::life);
}

TEST_F(TrialTest, OneThatWorks) {
  const auto trial = try_script("kill -9 $pid", come_back);
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->failed, Trial::Step::none);
  EXPECT_TRUE(trial->environment.empty());
  EXPECT_EQ(finding_of(*trial).verdict, Verdict::pass);
}

TEST_F(TrialTest, OneThatWorksOnlyWithoutBreakpoints) {
  const auto trial = try_script("[ \"$CRIU_FAULT\" = 130 ] || sleep 60; kill -9 $pid", come_back);
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->failed, Trial::Step::none);
  EXPECT_EQ(trial->environment, "CRIU_FAULT=130");
  EXPECT_EQ(finding_of(*trial).verdict, Verdict::warn);
}

}  // namespace
}  // namespace cg
