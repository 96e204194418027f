// The parts that can be tried outside of a guest: mountinfo, cgroup files in a plain directory, pipes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "cgroup.h"
#include "container.h"
#include "line_reader.h"
#include "temporary_directory.h"

namespace cg::demo {
namespace {

using namespace std::chrono_literals;

TEST(Mounts, AreDescribedWithoutTheNumbersThatChange) {
  const auto mounts = describe_mounts(
      "39 28 0:21 /w/rootfs / rw,relatime master:7 - tmpfs tmpfs rw\n"
      "47 41 0:30 / /dev/shm rw,nosuid shared:12 master:9 - tmpfs tmpfs rw\n"
      "40 39 0:25 / /proc rw,nosuid - proc proc rw\n"
      "20 19 0:22 / /run rw shared:3 - tmpfs tmpfs rw\n");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(*mounts, (std::vector<std::string>{"/ tmpfs slave", "/dev/shm tmpfs shared slave",
                                               "/proc proc private", "/run tmpfs shared"}));
}

TEST(Mounts, ADamagedLineIsRefused) {
  for (const char* text : {"39 28 0:21 / /\n", "- tmpfs\n", "39 28 0:21 / / rw master:7 -\n", "\n"}) {
    const auto mounts = describe_mounts(text);
    ASSERT_FALSE(mounts) << text;
    EXPECT_EQ(mounts.error().kind, ErrorKind::refused);
  }
}

TEST(Cgroup, NeedsAMountedHierarchy) {
  const TemporaryDirectory directory;
  const auto cgroup = Cgroup::create(directory.path() / "demo/container");
  ASSERT_FALSE(cgroup);
  EXPECT_EQ(cgroup.error().kind, ErrorKind::cannot);
  EXPECT_NE(cgroup.error().message.find("mount -t cgroup2"), std::string::npos) << cgroup.error().message;
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "demo"));
}

TEST(Cgroup, OneThatIsInUseIsRefused) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "cgroup.controllers") << "\n";
  std::filesystem::create_directories(directory.path() / "demo/container");
  std::ofstream(directory.path() / "demo/container/cgroup.procs") << "12\n13\n";
  const auto cgroup = Cgroup::create(directory.path() / "demo/container");
  ASSERT_FALSE(cgroup);
  EXPECT_EQ(cgroup.error().kind, ErrorKind::refused);
  EXPECT_NE(cgroup.error().message.find("2 processes"), std::string::npos) << cgroup.error().message;
}

TEST(Cgroup, FreezeWaitsForTheEventAndSaysWhenItDoesNotCome) {
  const TemporaryDirectory directory;
  const auto at = directory.path() / "demo/container";
  std::filesystem::create_directories(at);
  std::ofstream(directory.path() / "cgroup.controllers") << "\n";
  std::ofstream(at / "cgroup.procs") << "";
  std::ofstream(at / "cgroup.freeze") << "0";
  std::ofstream(at / "cgroup.events") << "populated 1\nfrozen 0\n";
  const auto cgroup = Cgroup::create(at);
  ASSERT_TRUE(cgroup);
  EXPECT_FALSE(cgroup->freeze(0ms));
  std::ofstream(at / "cgroup.events") << "populated 1\nfrozen 1\n";
  EXPECT_TRUE(cgroup->freeze(0ms));
}

struct PipeEnds {
  UniqueFd read;
  UniqueFd write;
};

PipeEnds a_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST(LineReader, GivesLinesAsTheyComeAndTheEnd) {
  auto ends = a_pipe();
  LineReader reader(std::move(ends.read));
  ASSERT_TRUE(write_all(ends.write.get(), "one\ntw", "pipe"));
  EXPECT_EQ(reader.wait(0, 10s, [](const std::string&) { return true; }), "one");
  ASSERT_TRUE(write_all(ends.write.get(), "o\nthree", "pipe"));
  EXPECT_EQ(reader.wait(0, 10s, [](const std::string& line) { return line == "two"; }), "two");
  ends.write.reset();
  EXPECT_TRUE(reader.wait_end(10s));
  EXPECT_EQ(reader.lines(), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(reader.wait(0, 10s, [](const std::string& line) { return line == "four"; }), std::nullopt);
}

TEST(LineReader, NeverBlocksTheWriter) {
  auto ends = a_pipe();
  LineReader reader(std::move(ends.read));
  const std::string much(1 << 20, 'x');  // sixteen times what a pipe holds
  ASSERT_TRUE(write_all(ends.write.get(), much + "\n", "pipe"));
  const auto line = reader.wait(0, 10s, [](const std::string&) { return true; });
  ASSERT_TRUE(line);
  EXPECT_EQ(line->size(), much.size());
}

TEST(LineReader, EndsWithAWriterStillThere) {
  auto ends = a_pipe();
  { const LineReader reader(std::move(ends.read)); }
  SUCCEED();
}

}  // namespace
}  // namespace cg::demo
