// Whatever fails, and wherever the process is killed: the image under its name is byte for byte the old one
// or the complete new one. Every call that changes a file fails in turn, every place that allocates, and the
// process dies in every call and at moments spread over its run time. With CG_CHECK_LONG=1 all of them, else
// a sample.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "base/process.h"
#include "fault/faults.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using faults::What;

bool exhaustive() {
  const char* const text = std::getenv("CG_CHECK_LONG");
  return text && *text;
}

struct Job {
  const char* name;
  std::vector<std::string> args;  // "@x": the file x of the test's directory
  bool in_place = false;
  bool beside =
      false;  // a second file is written after the image, so that one may fail when the other is new
};

const std::vector<Job> jobs = {
    {"inject", {"inject", "@image.img", "@new:/sbin/new", "@new:/etc/conf", "@new:/a/b/c"}},
    {"injectInPlace",
     {"inject", "@image.img", "@new:/sbin/new", "@new:/etc/conf", "@new:/a/b/c", "--in-place"},
     true},
    {"remove", {"remove", "-r", "@image.img", "/tree"}},
    {"removeInPlace", {"remove", "-r", "@image.img", "/tree", "--in-place"}, true},
    {"grow", {"inject", "@image.img", "@big:/big", "--grow"}},
    {"growInPlace", {"inject", "@image.img", "@big:/big", "--grow", "--in-place"}, true},
    {"convert", {"convert", "@source.img", "--form", "gpt", "-o", "@image.img"}},
    {"initrd", {"convert", "@source.img", "--form", "initrd", "-o", "@image.img"}},
    {"convertVerity",
     {"convert", "@source.img", "--form", "gpt", "--verity", "-o", "@image.img"},
     false,
     true},
    {"create", {"create", "--from", "@input.tar", "--from", "@more", "-o", "@image.img"}},
    // So much that a thread writes it.
    {"createMuch", {"create", "--from", "@much.tar", "-o", "@image.img"}},
    {"createInitrd",
     {"create", "--from", "@input.tar", "--from", "@more", "--form", "initrd", "-o", "@image.img"}},
    {"initrdInject", {"inject", "@image.img", "@new:/sbin/new", "@new:/etc/conf", "@new:/a/b/c"}},
    {"initrdInjectInPlace", {"inject", "@image.img", "@new:/sbin/new", "@new:/a/b/c", "--in-place"}, true},
    {"initrdRepack", {"remove", "-r", "@image.img", "/tree", "--repack"}},
};

class Fault : public ImageCase, public testing::WithParamInterface<Job> {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    std::mt19937 random(7);
    std::string noise(3 << 20, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    std::ofstream(path("new"), std::ios::binary) << noise.substr(0, 30000);
    std::ofstream(path("big"), std::ios::binary) << noise;
    fs::create_directories(path("more/etc"));
    std::ofstream(path("more/etc/late")) << noise.substr(0, 9000);
    std::vector<TarEntry> entries = {{.path = "usr/sbin", .type = 'd', .mode = 0755},
                                     {.path = "sbin", .type = 'l', .content = "usr/sbin"},
                                     {.path = "etc/conf", .content = noise.substr(100, 20000)}};
    for (int i = 0; i < 20; ++i)
      entries.push_back({.path = "tree/d" + std::to_string(i) + "/file",
                         .content = noise.substr(static_cast<std::size_t>(i), 5000)});
    image_of(entries, {"--size", "2M", "--journal", "none"});
    fs::copy_file(path("image.img"), path("source.img"));
    if (std::string_view(GetParam().name) == "createMuch") {
      std::string much;
      for (int i = 0; i < 4; ++i) much += noise;
      write_tar_file(path("much.tar"), {{.path = "one", .content = much}, {.path = "two", .content = noise}});
    }
    const std::string_view name = GetParam().name;
    if (name.starts_with("initrd") && name != "initrd") {
      ASSERT_EQ(
          rootfs_builder({"convert", text("source.img"), "--form", "initrd", "-o", text("image.img")}).status,
          0);
    }
    old_ = bytes_of(path("image.img"));
    for (std::string arg : GetParam().args)
      args_.push_back(arg.starts_with('@') ? text(arg.substr(1)) : std::move(arg));
    // "@new:/x" has become "DIR/new:/x".
    ASSERT_EQ(rootfs_builder(args_).status, 0) << rootfs_builder(args_).err;
    const bool disk = std::string_view(GetParam().args[0]) != "convert" && !name.contains("nitrd");
    if (disk) {
      ASSERT_TRUE(is_clean(path("image.img")));
    }
    new_ = bytes_of(path("image.img"));
    ASSERT_FALSE(new_ == old_);
    files_ = names_in(path(""));
    restore();
  }

  void restore() {
    for (const auto& name : names_in(path("")))
      if (std::ranges::find(files_, name) == files_.end()) fs::remove(path(name));
    std::ofstream(path("image.img"), std::ios::binary | std::ios::trunc) << old_;
  }

  // After a fault: the image is whole. Returns whether it is the new one.
  bool check(const std::string& fault, bool may_leave_files) {
    ++cases_;
    if (GetParam().in_place) {
      // Who looks sees a whole image, old or new, and changes nothing.
      const std::string left = bytes_of(path("image.img"));
      const auto looked = rootfs_builder({"ls", "-R", text("image.img")});
      EXPECT_EQ(looked.status, 0) << fault << looked.err;
      EXPECT_EQ(bytes_of(path("image.img")), left) << fault;
      // Who edits puts the old bytes back first, and this edit fails then.
      (void)rootfs_builder({"remove", text("image.img"), "/there/is/no/such/file"});
    }
    const std::string now = bytes_of(path("image.img"));
    if (now != old_ && now != new_) {
      ++lost_;
      ADD_FAILURE() << fault << ": the image is neither the old nor the new one";
    }
    if (!may_leave_files) {
      EXPECT_EQ(names_in(path("")), files_) << fault;
    }
    return now == new_;
  }

  int run_here() {
    try {
      return rootfs_builder(args_).status;
    } catch (const std::exception&) {
      return 3;  // as run_tool() reports it
    }
  }

  // Steps through 1 … `count`; all of them when that is asked for.
  static std::size_t step(std::size_t count, std::size_t sample) {
    return exhaustive() ? 1 : std::max<std::size_t>(1, count / sample);
  }

  void report(const char* what) const {
    std::cout << "fault injection, " << GetParam().name << ", " << what << ": " << cases_ << " cases, "
              << lost_ << " lost\n";
  }

  std::vector<std::string> args_;
  std::vector<std::string> files_;
  std::string old_;
  std::string new_;
  std::size_t cases_ = 0;
  std::size_t lost_ = 0;
};

TEST_P(Fault, ACallFails) {
  faults::arm(What::count, 0, 0);
  ASSERT_EQ(run_here(), 0);
  const std::size_t count = faults::disarm();
  ASSERT_GT(count, 3U);
  for (const What what : {What::fail_once, What::fail_on}) {
    for (const int error : {EIO, ENOSPC}) {
      for (std::size_t n = 1; n <= count; n += step(count, 40)) {
        restore();
        faults::arm(what, n, error);
        const int status = run_here();
        faults::disarm();
        const std::string fault =
            fmt::format("call {} of {} {} with errno {}", n, count,
                        what == What::fail_on ? "and all after it fail" : "fails", error);
        // Where everything fails, nothing can be cleaned up either.
        const bool is_new = check(fault, what == What::fail_on);
        EXPECT_TRUE(status == 0 ? is_new : !is_new || GetParam().beside) << fault << ": status " << status;
        EXPECT_TRUE(status == 0 || status == 3) << fault << ": status " << status;
      }
    }
  }
  report("calls that fail");
}

// A disk that cannot be read is as bad as one that cannot be written.
TEST_P(Fault, AReadFails) {
  faults::arm(What::count, 0, 0, faults::Calls::reads);
  ASSERT_EQ(run_here(), 0);
  const std::size_t count = faults::disarm();
  ASSERT_GT(count, 0U);
  for (const What what : {What::fail_once, What::fail_on}) {
    for (std::size_t n = 1; n <= count; n += step(count, 40)) {
      restore();
      faults::arm(what, n, EIO, faults::Calls::reads);
      const int status = run_here();
      faults::disarm();
      const std::string fault = fmt::format("read {} of {} {}", n, count,
                                            what == What::fail_on ? "and all after it fail" : "fails");
      const bool is_new = check(fault, false);
      EXPECT_TRUE(status == 0 ? is_new : !is_new || GetParam().beside) << fault << ": status " << status;
      EXPECT_TRUE(status == 0 || status == 3) << fault << ": status " << status;
    }
  }
  report("reads that fail");
}

TEST_P(Fault, TheProcessDiesInACall) {
  faults::arm(What::count, 0, 0);
  ASSERT_EQ(run_here(), 0);
  const std::size_t count = faults::disarm();
  for (std::size_t n = 1; n <= count; n += step(count, 60)) {
    restore();
    const pid_t child = fork();
    if (child == 0) {
      faults::arm(What::kill, n, 0);
      _exit(run_here());
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << n;
    check(fmt::format("killed in call {} of {}", n, count), true);
  }
  report("killed in a call");
}

TEST_P(Fault, TheProcessDiesAtSomeMoment) {
  const std::string program = CG_BINARY_DIR "/bin/rootfs-builder";
  if (!fs::exists(program)) GTEST_SKIP() << "rootfs-builder is not built";
  const auto start = [&] {
    const pid_t child = fork();
    if (child == 0) {
      std::vector<char*> argv{const_cast<char*>(program.c_str()), const_cast<char*>("-q")};
      for (const auto& arg : args_) argv.push_back(const_cast<char*>(arg.c_str()));
      argv.push_back(nullptr);
      execv(program.c_str(), argv.data());
      _exit(127);
    }
    return child;
  };
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  int status = 0;
  waitpid(start(), &status, 0);
  ASSERT_EQ(status, 0);
  const auto took = Clock::now() - begin;
  const int points = exhaustive() ? 200 : 15;
  for (int i = 0; i < points; ++i) {
    restore();
    const auto deadline = Clock::now() + took * (i * 12) / (points * 10);
    const pid_t child = start();
    while (Clock::now() < deadline && waitpid(child, &status, WNOHANG) == 0) usleep(100);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    check(fmt::format("killed at moment {} of {}", i, points), true);
  }
  report("killed at some moment");
}

TEST_P(Fault, AnAllocationFails) {
  // The first runs fill what the libraries keep for good.
  ASSERT_EQ(run_here(), 0);
  restore();
  faults::arm_allocation(0);
  ASSERT_EQ(run_here(), 0);
  faults::disarm_allocation();
  std::vector<std::size_t> numbers(20000);
  numbers.resize(faults::allocation_places(numbers.data(), numbers.size()));
  ASSERT_GT(numbers.size(), 50U);
  for (std::size_t i = 0; i < numbers.size(); i += step(numbers.size(), 120)) {
    restore();
    const pid_t child = fork();
    if (child == 0) {
      faults::arm_allocation(numbers[i]);
      const int status = run_here();
      faults::disarm_allocation();
      _exit(status);
    }
    int status = 0;
    waitpid(child, &status, 0);
    // libext2fs and libarchive end the process in places; then it is as if it was killed.
    const bool is_new = check(fmt::format("allocation {}", numbers[i]), true);
    EXPECT_TRUE(!WIFEXITED(status) || WEXITSTATUS(status) != 0 || is_new) << numbers[i];
  }
  report("allocations that fail");
}

INSTANTIATE_TEST_SUITE_P(Jobs, Fault, testing::ValuesIn(jobs),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace cg
