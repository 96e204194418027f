// docs/exit-status.md, tool by tool: the programs as a user calls them.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "temporary_directory.h"

namespace cg {
namespace {

const std::string programs = std::string(CG_BINARY_DIR) + "/bin/";

struct Call {
  std::vector<std::string> argv;
  int status;
  std::string says;  // somewhere in stdout or stderr
};

void PrintTo(const Call& call, std::ostream* out) {
  *out << join(call.argv, " ");
}

class ExitStatus : public ::testing::TestWithParam<Call> {};

TEST_P(ExitStatus, IsWhatTheContractSays) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "junk", "no config, no image, no tarball\n"));
  ASSERT_TRUE(write_file_atomically(directory.path() / "bad.conf", "CONFIG_A=y\nCONFIG_B=\n"));
  auto argv = GetParam().argv;
  argv[0] = programs + argv[0];
  const auto result = run(argv, {.directory = directory.path(), .timeout = std::chrono::minutes(2)});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, GetParam().status) << join(argv, " ") << "\n" << result->out << result->err;
  EXPECT_TRUE((result->out + result->err).contains(GetParam().says)) << join(argv, " ") << "\n"
                                                                     << result->out << result->err;
  if (GetParam().status != 0) {
    EXPECT_EQ(result->out, "") << "an error is not a result";
  }
}

std::vector<Call> calls() {
  std::vector<Call> list = {
      {{"kernel-builder", "build", "6.21"}, 2, "6.12"},
      {{"kernel-builder", "bulid", "6.12"}, 2, "did you mean build?"},
      {{"rootfs-builder", "create", "--from", "/", "--form", "initrd", "--inodes", "9", "-o", "x"},
       2,
       "--inodes: the form initrd"},
      // Where the results go when nobody says: never outside the working directory unasked.
      {{"kernel-builder", "build", "6.12", "--dry-run"}, 0, "install to out\n"},
      {{"kernel-builder", "build", "6.12", "-o", "-"}, 2, "a directory is wanted"},
      {{"criu-builder", "build", "default", "-o", "-"}, 2, "a directory is wanted"},
      {{"kernel-builder", "list"}, 0, "6.12"},
      {{"rootfs-builder", "list", "--format", "json"}, 0, "criu-guest.image-recipes/1"},
      {{"kernel-builder", "config", "6.12", "--arch", "arm65"}, 2, "did you mean arm64?"},
      {{"kernel-builder", "install", "6.12", "--dry-run"}, 0, "install to /opt/kata/share/kata-containers\n"},
      {{"kernel-builder", "config", "6.12", "--dry-run"}, 0, "gate, print the configuration\n"},
      {{"criu-builder", "build", "default", "--dry-run"}, 0, " to out"},
      {{"rootfs-builder", "build", "demo", "--set", "criu=/bin/true", "--set", "kcheck=/bin/true"},
       2,
       "-o IMAGE is required"},
      {{"kernel-builder", "build", "6.12.99", "--dry-run"}, 0, "only those of Linux 6.12.99"},
      {{"kernel-builder", "digest", "--format", "json"}, 0, "criu-guest.kernel-digest/1"},
      {{"rootfs-builder", "create", "--from", "/nowhere", "-o", "-"}, 3, "/nowhere"},
      {{"rootfs-builder", "create", "--from", "/etc", "--form", "kata", "--verity", "-o", "-"},
       2,
       "root_hash.txt"},
      {{"rootfs-builder", "create", "--no-"}, 2, "did you mean --no-devices?"},
      {{"guest-run", "--no-"}, 2, "did you mean --no-stdin?"},
      {{"guest-run", "--read"}, 2, "did you mean --ready, --ready-timeout, --read-only?"},
      {{"rootfs-builder", "ls", "-r", "x"}, 2, "unknown option -r; did you mean -R?"},
      {{"kcheck", "tree", "--crui", "4.2.1", "1"}, 2, "unknown option --crui; did you mean --criu"},
      {{"kcheck", "config", "junk", "--format"}, 2, "--format needs a value: text|json|sarif"},
      {{"kcheck", "--nope", "--format", "json"}, 2, "criu-guest.error/1"},
      {{"guest-run", "--format=json", "--nope", "--", "true"}, 2, "criu-guest.error/1"},
      {{"kcheck", "help", "confgi"}, 2, "did you mean config?"},
      {{"guest-run", "--kernel", "x", "--console", "-", "--", "true"}, 2, "/dev/stderr"},
      {{"guest-run", "--kernel", "x", "--format", "json", "-o", "-", "--", "true"}, 2, "criu-guest.error/1"},
      {{"guest-checkpoint", "dump", "1", "-D", "-"}, 2, "a directory is wanted"},
      {{"guest-run", "help"}, 0, "Usage: guest-run"},
      {{"guest-run", "help", "boot"}, 2, "guest-run has no commands"},
      {{"rootfs-builder", "help", "ls"}, 0, "Usage: rootfs-builder ls"},
      {{"rootfs-builder", "ls", "help"}, 0, "Usage: rootfs-builder ls"},
      {{"kcheck", "tree", "help"}, 0, "Usage: kcheck tree"},
      {{"guest-run", "help", "--format", "json"}, 0, "criu-guest.command-line/1"},
      {{"kcheck", "show", "kernel.membarier"}, 2, "did you mean kernel.membarrier"},
      {{"kcheck", "explain", "--id", "kernel.membarrier"}, 0, "requirement of CRIU"},
      {{"kcheck", "--format", "sarfi", "--criu"}, 2, "did you mean sarif?"},
      {{"kcheck", "tree", "abc"}, 2, "'abc' is not a whole number\n"},
      {{"kcheck", "tree", "1", "2"},
       2,
       "'2' is one word too many; kcheck tree takes PID; a tree is named by"},
      {{"kcheck", "tree", std::string(310, '9')}, 2, "9999... (310 characters)' is not from 1 to"},
      {{"kcheck", "explain", "missing.log", "--format", "json"}, 3, "criu-guest.error/1"},
      {{"kernel-builder", "build", "./missing.toml"}, 3, "missing.toml"},
      {{"kernel-builder", "config", "6.12", "--fragments", "bad.conf"}, 1, "bad.conf:2"},
      {{"kernel-builder", "config", "6.12", "--fragments", "missing.conf"}, 3, "missing.conf"},
      {{"criu-builder", "build", "3.91"}, 2, "; did you mean 3.18, 3.19"},
      {{"criu-builder", "build", std::string(310, '9')}, 2, "... (310 characters)"},
      {{"criu-builder", "resolve", "3.17"}, 0, "3.17.1"},
      {{"criu-builder", "resolve", "4.x"}, 0, "4."},
      {{"rootfs-builder", "ls", "missing.img"}, 3, "missing.img"},
      {{"rootfs-builder", "ls", "junk"}, 1, "junk"},
      {{"rootfs-builder", "create", "--from", "junk", "-o", "out.img"}, 1, "junk"},
      {{"rootfs-builder", "build", "kataa", "-o", "out.img"}, 2, "; did you mean kata?"},
      {{"kcheck", "config", "missing.config"}, 3, "missing.config"},
      {{"kcheck", "config", "junk"}, 1, "junk:1"},
      {{"kcheck", "fragment", "--criu", "99.9"}, 3, "CRIU 99.9 is not covered"},
      {{"kcheck", "--criu=four"}, 2, "'four' is no CRIU version"},
      {{"kcheck", "flags", "--criu", "4.2"}, 2, "behind '--'"},
      {{"kcheck", "flags", "--options", "missing.toml", "--", "criu", "dump"}, 3, "missing.toml"},
      {{"kcheck", "flags", "--options", "junk", "--", "criu", "dump"}, 1, "junk:1"},
      {{"kcheck", "flags", "--criu", "4.2", "--", "criu", "dump", "-t", "1"}, 0, "GOOD for CRIU 4.2"},
      {{"kcheck", "tree"}, 2, "PID"},
      {{"kcheck", "tree", "-3"}, 2, "-3"},
      {{"kcheck", "tree", "999999999"}, 3, "999999999"},
      {{"kcheck", "--criu-binary", "missing-criu"}, 3, "missing-criu"},
      {{"kcheck", "explain"}, 2, "nothing to explain"},
      {{"kcheck", "explain", "missing.log"}, 3, "missing.log"},
      {{"kcheck", "explain", "pid not specified"}, 0, "CAUSE: No process was named"},
      {{"guest-run", "--kernel", "missing", "--image", "missing", "--", "true"}, 125, "missing"},
      {{"guest-run", "--kernel", "x"}, 2, "guest-run"},
      {{"guest-checkpoint", "dump", "-D", "d"}, 2, "name what to dump"},
      {{"guest-checkpoint", "dump", "1"}, 2, "-D DIR is required"},
      {{"guest-checkpoint", "dump", "1", "--cgroup", "/x", "-D", "d"}, 2, "only one of"},
      {{"guest-checkpoint", "dump", "1", "-D", "d", "--criu", "missing-criu"}, 3, "missing-criu"},
      {{"guest-checkpoint", "dump", "--cgroup", "no-such-cgroup", "-D", "d"}, 3, "no-such-cgroup"},
      {{"guest-checkpoint", "status", "missing"}, 3, "there is no such checkpoint"},
      {{"guest-checkpoint", "restor", "x"}, 2, "did you mean restore?"},
  };
  for (const char* tool :
       {"kernel-builder", "criu-builder", "rootfs-builder", "kcheck", "guest-run", "guest-checkpoint"}) {
    list.push_back({{tool, "--help"}, 0, tool});
    list.push_back({{tool, "--version"}, 0, tool});
    list.push_back({{tool, "-V"}, 0, tool});
    list.push_back({{tool, "--no-such-option"}, 2, "--no-such-option"});
  }
  return list;
}

INSTANTIATE_TEST_SUITE_P(Tools, ExitStatus, ::testing::ValuesIn(calls()), [](const auto& info) {
  std::string name;
  for (const auto& word : info.param.argv)
    for (const char c : word + "_") name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name + std::to_string(info.index);
});

// What the data do not cover is UNKNOWN: never ready, never "no such option".
TEST(UncoveredVersion, IsUnknownInEveryCommand) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "some.config", "CONFIG_MEMBARRIER=y\n"));
  const std::vector<Call> calls = {
      {{"--criu=99.9"}, 3, "NOT KNOWN: CRIU 99.9"},
      {{"live", "--criu", "99.9", "--strict"}, 3, "NOT KNOWN: CRIU 99.9"},
      {{"config", "some.config", "--criu", "99.9"}, 3, "NOT KNOWN: CRIU 99.9"},
      {{"tree", std::to_string(getpid()), "--criu", "99.9"}, 3, "NOT KNOWN: CRIU 99.9"},
      {{"tree", std::to_string(getpid()), "--criu", "99.9", "--", "criu", "dump", "--no-such"},
       3,
       "NOT KNOWN"},
      {{"flags", "--criu", "99.9", "--", "criu", "dump", "-t", "1", "--no-such"},
       3,
       "whether CRIU 99.9 has it"},
      {{"explain", "--criu", "99.9", "pid not specified"}, 3, "CAUSE: No process was named"}};
  for (auto [argv, status, says] : calls) {
    argv.insert(argv.begin(), programs + "kcheck");
    const auto result = run(argv, {.directory = directory.path(), .timeout = std::chrono::minutes(2)});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->status, status) << join(argv, " ") << "\n" << result->out << result->err;
    EXPECT_TRUE(result->out.contains(says)) << join(argv, " ") << "\n" << result->out;
    EXPECT_FALSE(result->out.starts_with("READY") || result->out.contains("has no such option"))
        << result->out;
  }
}

}  // namespace
}  // namespace cg
