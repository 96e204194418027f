// kcheck's word against CRIU's deed, in the demo guest, for each CRIU version: it says ready exactly when
// CRIU does its work, and when it says ready a container is really dumped and restored. A version whose
// source cannot be had is skipped.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "criu/versions.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

// What makes one requirement fail, for the programs run behind it. "" leaves the guest as it is.
struct Obstacle {
  std::string name;
  std::string before;  // shell text run in a mount and a network namespace of its own
};

const std::vector<Obstacle> obstacles = {
    {"nothing", "ip link set lo up"},
    {"lo down", ":"},
    {"read-only /tmp", "ip link set lo up; mount -o remount,bind,ro /tmp || mount -o remount,ro /tmp"},
    {"cap_last_cap hidden", "ip link set lo up; mount -o bind /dev/null /proc/sys/kernel/cap_last_cap"},
    {"ns_last_pid hidden", "ip link set lo up; mount -o bind /dev/null /proc/sys/kernel/ns_last_pid"},
    {"ptmx hidden", "ip link set lo up; mount -o bind /dev/null /dev/ptmx"},
};

class Agreement : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const auto& needed : {checkout / "out/vmlinux.container", checkout / "out/demo.img"})
      if (!fs::exists(needed)) GTEST_SKIP() << needed.filename() << " is missing; `make demo` makes it";
    const auto built =
        call({programs + "criu-builder", "build", GetParam(), "-o", directory_.path().string()});
    if (built.status == 3 && built.err.contains("no source could be had"))
      GTEST_SKIP() << "CRIU " << GetParam() << ": its tarball is neither in the cache nor to be had here";
    ASSERT_EQ(built.status, 0) << built.err;
  }

  ProcessResult guest(const std::vector<std::string>& options, const std::string& script,
                      const fs::path& kernel = checkout / "out/vmlinux.container") {
    std::vector<std::string> argv = {
        programs + "guest-run",
        "--kernel",
        kernel.string(),
        "--image",
        (checkout / "out/demo.img").string(),
        "--timeout",
        "300",
        "--put",
        (directory_.path() / ("criu-" + GetParam())).string() + ":/run/criu:755"};
    // A distribution's binary has its loader and libraries beside it.
    std::error_code none;
    for (const auto& file : fs::directory_iterator(directory_.path() / ("criu-" + GetParam() + ".d"), none))
      argv.insert(argv.end(), {"--put", fmt::format("{}:/run/criu-{}.d/{}:755", file.path().string(),
                                                    GetParam(), file.path().filename().string())});
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {"--", "sh", "-c", script});
    return call(argv);
  }
  // One line "NAME: kcheck S criu S" for each obstacle; criu's S is that of a real dump and restore of a
  // process. (`criu check` is no oracle: it also refuses for want of terminals that nobody has open.)
  std::string both_answers() {
    std::string script =
        "cat > /run/deed <<'END'\n"
        "rm -rf /run/criu.kdat /run/images; mkdir /run/images; cd /run/images\n"
        // By its path: busybox runs a bare name from the image of itself, which lies in the mount namespace
        // outside.
        "setsid /usr/bin/sleep 1000 </dev/null >/dev/null 2>&1 & p=$!\n"
        "sleep 0.2\n"
        "/run/criu dump -t $p -D /run/images || { s=$?; kill -9 $p; exit 1; }\n"
        "/run/criu restore -d -D /run/images || exit 1\n"
        "kill -9 $p\n"
        "END\n";
    for (const auto& obstacle : obstacles)
      script += "unshare -m -n sh -c '{ " + obstacle.before + "; } >/dev/null 2>&1; " +
                "kcheck --criu=" + GetParam() +
                " >/run/kcheck.out 2>&1; k=$?; sh /run/deed >/run/criu.out 2>&1; " + "echo \"" +
                obstacle.name + ": kcheck $k criu $?\"; cat /run/kcheck.out /run/criu.out >&2'\n";
    return script;
  }

  TemporaryDirectory directory_;
};

TEST_P(Agreement, KcheckSaysReadyExactlyWhenCriuWorks) {
  const auto result = guest({}, both_answers());
  ASSERT_EQ(result.status, 0) << result.err;
  const auto lines = split_lines(result.out);
  ASSERT_EQ(lines.size(), obstacles.size()) << result.out << result.err;
  EXPECT_EQ(lines[0], "nothing: kcheck 0 criu 0") << result.err;
  EXPECT_EQ(lines[1], "lo down: kcheck 1 criu 1") << result.err;
  for (const auto& line : lines) {
    const bool agree = line.ends_with("kcheck 0 criu 0") || line.ends_with("kcheck 1 criu 1");
    EXPECT_TRUE(agree) << line << "\n" << result.err;
  }
}

TEST_P(Agreement, AContainerOfKatasKindIsDumpedAndRestored) {
  const auto result =
      guest({"--put", programs + "guest-checkpoint:/opt/guest-checkpoint:755", "--put",
             programs + "demo-guest:/run/demo-guest:755", "--put",
             programs + "demo-workload:/run/demo-workload:755"},
            "/run/demo-guest --criu /run/criu --guest-checkpoint /opt/guest-checkpoint --workload "
            "/run/demo-workload --work /run/demo");
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_TRUE(result.out.contains("12 of 12 held")) << result.out << result.err;
}

TEST_P(Agreement, WithoutMembarrierOnlyTheOlderVersionsStart) {
  if (!std::getenv("CG_CHECK_LONG")) GTEST_SKIP() << "rebuilds a kernel; `make check-long` runs it";
  const fs::path kernels = fs::path(CG_BINARY_DIR) / "kernel-no-membarrier";
  const auto built = call({programs + "kernel-builder", "build", "6.12", "-o", kernels.string(),
                           "--fragments", (checkout / "tests/vm/kernels/no-membarrier.conf").string()});
  ASSERT_EQ(built.status, 0) << built.err;
  const auto result =
      guest({}, "kcheck --criu=" + GetParam() + " >&2; echo kcheck $?; /run/criu check >&2; echo criu $?",
            kernels / "vmlinux.container");
  const bool starts = parse_version(GetParam()) < parse_version("3.19");
  EXPECT_EQ(result.out, starts ? "kcheck 0\ncriu 0\n" : "kcheck 1\ncriu 1\n") << result.err;
}

std::vector<std::string> known_versions() {
  std::vector<std::string> names;
  for (const auto& version : criu_versions().all) names.push_back(version.text());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Criu, Agreement, ::testing::ValuesIn(known_versions()), [](const auto& info) {
  std::string name = "v" + info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

// What the demonstration leaves out on purpose must be named before anything is touched; the lab shows that
// CRIU refuses it.
TEST(Refusal, AContainerWithoutASessionOfItsOwn) {
  if (!fs::exists(checkout / "out/demo.img")) GTEST_SKIP() << "demo.img is missing; `make demo` makes it";
  std::vector<std::string> argv{programs + "guest-run",
                                "--kernel",
                                (checkout / "out/vmlinux.container").string(),
                                "--image",
                                (checkout / "out/demo.img").string(),
                                "--timeout",
                                "300"};
  // guest-checkpoint outside of /run, in which the container's files lie.
  for (const std::string place : {"/opt/guest-checkpoint", "/run/demo-guest", "/run/demo-workload"})
    argv.insert(argv.end(), {"--put", programs + fs::path(place).filename().string() + ":" + place + ":755"});
  argv.insert(argv.end(),
              {"--", "/run/demo-guest", "--guest-checkpoint", "/opt/guest-checkpoint", "--workload",
               "/run/demo-workload", "--work", "/run/demo", "--without", "session"});
  const auto result = call(argv);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(result.err.contains("tree.session-outside")) << result.out << result.err;
  EXPECT_TRUE(result.err.contains("nothing was touched")) << result.out << result.err;
}

}  // namespace
}  // namespace cg
