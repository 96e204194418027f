// guest-checkpoint as a whole with a scripted criu: what it does when criu works, fails, hangs or is not
// there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "guard/guarded_criu.h"
#include "guard/run_lock.h"
#include "guest_checkpoint_tool.h"
#include "json_schema.h"
#include "temporary_directory.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A process that sleeps, in a session of its own.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ != 0) return;
    setsid();
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
    close_range(3, ~0U, 0);
    for (;;) pause();
  }
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

class Scripted : public ::testing::Test {
 protected:
  // `body` is what it does for anything but --version.
  std::string criu(const std::string& body) {
    const auto file = path("criu");
    EXPECT_TRUE(
        write_file_atomically(file,
                              "#!/bin/sh\n[ \"$1\" = --version ] && { echo Version: 4.2.1; exit; }\n"
                              "for word; do [ \"$last\" = --images-dir ] && dir=$word; last=$word; done\n" +
                                  body + "\n",
                              0755));
    return file;
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  int call(std::vector<std::string> words) {
    out_.str("");
    err_.str("");
    words.insert(words.end(), {"--format", "json"});
    std::istringstream in;
    Environment env{out_, err_, in, [](std::string_view) { return std::nullopt; }};
    return guest_checkpoint_main(words, env);
  }
  Json answer() const { return Json::parse(out_.str()); }

  TemporaryDirectory directory_;
  std::ostringstream out_, err_;
};

TEST_F(Scripted, ARefusedTreeIsNotTouched) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may see a whole tree";
  const Sleeper sleeper;
  const auto file = path("criu");
  ASSERT_TRUE(write_file_atomically(
      file, "#!/bin/sh\n[ $1 = --version ] && echo Version: 99.9 || touch " + path("called") + "\n", 0755));
  const int status = call({"dump", std::to_string(sleeper.pid()), "-D", path("d"), "--criu", file});
  EXPECT_EQ(status, 3) << out_.str() << err_.str();
  EXPECT_EQ(answer()["verdict"], "unknown");
  EXPECT_EQ(violation_of(out_.str(), "guest-checkpoint.schema.json"), "") << out_.str();
  EXPECT_FALSE(fs::exists(path("called")));
  EXPECT_FALSE(fs::exists(path("d")) || fs::exists(path("d.tmp")));
}

TEST_F(Scripted, AFailedDumpIsExplainedAndLeavesNoImages) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may see a whole tree";
  const Sleeper sleeper;
  const auto file = criu(
      "echo '(00.1) Error (criu/tty.c:1): tty: Found dangling tty with sid 1 pgid 2 (ttyS0) on peer "
      "fd 0.' > $dir/dump.log; exit 1");
  const std::string pid = std::to_string(sleeper.pid());
  EXPECT_EQ(call({"dump", pid, "-D", path("d"), "--criu", file}), 3) << out_.str() << err_.str();
  EXPECT_EQ(answer()["verdict"], "failed");
  EXPECT_TRUE(answer().contains("cause")) << out_.str();
  EXPECT_EQ(answer()["tasks"], Json::array({sleeper.pid()}));
  EXPECT_EQ(violation_of(out_.str(), "guest-checkpoint.schema.json"), "") << out_.str();
  EXPECT_FALSE(fs::exists(path("d")) || fs::exists(path("d.tmp")));
  EXPECT_TRUE(fs::exists(path("d.log")));
}

TEST_F(Scripted, ACriuThatOnlySaysSoHasNotDumped) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may see a whole tree";
  const Sleeper sleeper;
  EXPECT_EQ(call({"dump", std::to_string(sleeper.pid()), "-D", path("d"), "--criu", criu("exit 0")}), 3);
  EXPECT_TRUE(err_.str().contains("no images are there")) << err_.str() << out_.str();
  EXPECT_FALSE(fs::exists(path("d")) || fs::exists(path("d.tmp")));
}

TEST_F(Scripted, ADryRunCallsNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may see a whole tree";
  const Sleeper sleeper;
  const auto file = criu("touch " + path("called"));
  EXPECT_EQ(call({"dump", std::to_string(sleeper.pid()), "-D", path("d"), "--criu", file, "--dry-run",
                  "--before", "hook", "--archive", path("a.tar")}),
            0)
      << out_.str() << err_.str();
  EXPECT_EQ(answer()["verdict"], "planned");
  EXPECT_EQ(answer()["steps"].front(), "run hook");
  EXPECT_EQ(violation_of(out_.str(), "guest-checkpoint.schema.json"), "") << out_.str();
  EXPECT_FALSE(fs::exists(path("called")) || fs::exists(path("d.tmp")));
}

TEST_F(Scripted, TwoRunsOnOneTargetAreKeptApart) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may see a whole tree";
  const Sleeper sleeper;
  const std::string pid = std::to_string(sleeper.pid());
  const auto other = lock_name(pid + ".lock", "the test");
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(call({"dump", pid, "-D", path("d"), "--criu", criu("exit 1")}), 3);
  EXPECT_TRUE(err_.str().contains("another guest-checkpoint is at work")) << err_.str();
  EXPECT_FALSE(fs::exists(path("d.tmp")));
}

TEST_F(Scripted, WhatIsThereAlreadyStays) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may see a whole tree";
  const Sleeper sleeper;
  fs::create_directories(path("d/x"));
  EXPECT_EQ(call({"dump", std::to_string(sleeper.pid()), "-D", path("d"), "--criu", criu("exit 1")}), 1);
  EXPECT_TRUE(err_.str().contains("is there already")) << err_.str();
  EXPECT_TRUE(fs::exists(path("d/x")));
}

TEST_F(Scripted, StatusTellsWholeFromBrokenFromNothing) {
  fs::create_directories(path("d.tmp"));
  EXPECT_EQ(call({"status", path("d")}), 1);
  EXPECT_EQ(answer()["verdict"], "abandoned");
  EXPECT_EQ(call({"status", path("none")}), 3);
  fs::create_directories(path("d"));
  EXPECT_EQ(call({"status", path("d")}), 1);
  EXPECT_EQ(answer()["verdict"], "broken");
  EXPECT_EQ(call({"restore", path("d"), "--criu", criu("exit 1")}), 1) << out_.str();
  EXPECT_TRUE(err_.str().contains("not whole")) << err_.str();
}

GuardedRun run_of(const TemporaryDirectory& directory, const std::string& script) {
  GuardedRun run;
  run.argv = {"/bin/sh", "-c", script};
  run.output = directory.path() / "out";
  run.limit = std::chrono::seconds(20);
  run.still = std::chrono::seconds(20);
  return run;
}

TEST(Guard, TellsHowItEnded) {
  const TemporaryDirectory directory;
  EXPECT_EQ(run_guarded(run_of(directory, "exit 7"))->status, 7);
  const auto killed = run_guarded(run_of(directory, "kill -9 $$"));
  EXPECT_EQ(killed->how, GuardedEnd::How::killed);
  EXPECT_EQ(killed->status, 137);
  auto slow = run_of(directory, "while :; do :; done");
  slow.limit = std::chrono::milliseconds(500);
  EXPECT_EQ(run_guarded(slow)->how, GuardedEnd::How::out_of_time);
  auto still = run_of(directory, "sleep 100");
  still.still = std::chrono::milliseconds(600);
  const auto hung = run_guarded(still);
  EXPECT_EQ(hung->how, GuardedEnd::How::hung);
  EXPECT_TRUE(hung->seen.has_value());
}

// As in a guest whose host is busy: nobody gets the processor for a while.
TEST(Guard, ATimeInWhichItWasNotRunItselfIsNoHang) {
  const TemporaryDirectory directory;
  auto run = run_of(directory, "sleep 2.2");
  run.still = std::chrono::milliseconds(1500);
  const pid_t guard = fork();
  if (guard == 0) _exit(run_guarded(run)->how == GuardedEnd::How::ended ? 0 : 1);
  usleep(300000);
  ASSERT_EQ(kill(guard, SIGSTOP), 0);
  usleep(1600000);
  ASSERT_EQ(kill(guard, SIGCONT), 0);
  int status = -1;
  ASSERT_EQ(waitpid(guard, &status, 0), guard);
  EXPECT_EQ(status, 0);
}

TEST(Guard, ThawsBeforeItCallsItAHang) {
  const TemporaryDirectory directory;
  auto run =
      run_of(directory, "while ! [ -e " + (directory.path() / "thawed").string() + " ]; do sleep 5; done");
  run.argv = {"/bin/sh", "-c", "read line < " + (directory.path() / "fifo").string()};
  ASSERT_EQ(mkfifo((directory.path() / "fifo").c_str(), 0600), 0);
  run.still = std::chrono::seconds(3);
  int thawed = 0;
  run.thaw = [&]() -> std::string {
    if (++thawed > 1) return "";
    const UniqueFd fd(open((directory.path() / "fifo").c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(write_all(fd.get(), "go\n", "fifo"));
    usleep(200000);
    return "/sys/fs/cgroup/x thawed";
  };
  const auto end = run_guarded(run);
  EXPECT_EQ(end->how, GuardedEnd::How::ended);
  EXPECT_EQ(end->status, 0);
  ASSERT_EQ(end->notes.size(), 1U);
}

}  // namespace
}  // namespace cg::checkpoint
