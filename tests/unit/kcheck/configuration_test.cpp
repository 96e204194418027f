// `kcheck stuck`, `why`, `fragment` and `config --fragments` as a user calls them, over a small tree of
// Kconfig files.
#include <gtest/gtest.h>

#include "base/file.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

class Configuration : public ::testing::Test {
 protected:
  void SetUp() override {
    put("Kconfig",
        "mainmenu \"t\"\n"
        "config MODULES\n\tbool \"modules\"\n\tmodules\n"
        "config EXPERT\n\tbool \"Expert\"\n"
        "config B\n\tbool \"B\"\n"
        "config A\n\tbool \"A\"\n\tdepends on B\n"
        "config MEMBARRIER\n\tbool \"membarrier\" if EXPERT\n\tdefault y\n");
    put(".config",
        "# Linux/x86 6.12.0 Kernel Configuration\n# CONFIG_EXPERT is not set\n# CONFIG_B is not set\n"
        "CONFIG_MEMBARRIER=y\n");
  }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomically(directory_.path() / name, text));
  }
  std::string path(const std::string& name = "") const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(Configuration, StuckNamesEachReasonAndBothPlaces) {
  put("f.conf", "CONFIG_A=y\nCONFIG_NO_SUCH=y\nCONFIG_MEMBARRIER=n\n");
  const auto outcome =
      run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config"), "--tree", path()});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("3 of 3 requested symbols did not get their value")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("depends on B (Kconfig:11): B is n")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("f.conf:1")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("unknown to this kernel")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("MEMBARRIER can be asked for only if EXPERT")) << outcome.out;
}

TEST_F(Configuration, StuckIsQuietWhenEverythingStuck) {
  put("f.conf", "CONFIG_MEMBARRIER=y\n");
  EXPECT_EQ(
      run_kcheck({"stuck", "--fragments", path("f.conf"), "--config", path(".config"), "--tree", path()})
          .status,
      0);
}

TEST_F(Configuration, WhyAnswersForOffAndForOn) {
  const auto off = run_kcheck({"why", "A", "--config", path(".config"), "--tree", path()});
  EXPECT_EQ(off.status, 0) << off.err;
  EXPECT_TRUE(off.out.contains("CONFIG_B=y, CONFIG_A=y")) << off.out;
  const auto on = run_kcheck({"why", "CONFIG_MEMBARRIER", "--config", path(".config"), "--tree", path()});
  EXPECT_TRUE(on.out.contains("its prompt is hidden")) << on.out << on.err;
  const auto none = run_kcheck({"why", "MEMBARIER", "--config", path(".config"), "--tree", path()});
  EXPECT_NE(none.status, 0);
  EXPECT_TRUE((none.out + none.err).contains("MEMBARRIER")) << none.out << none.err;
}

TEST_F(Configuration, OfTwoFragmentsTheLaterWinsAndBothPlacesAreNamed) {
  put("a.conf", "CONFIG_MEMBARRIER=y\nCONFIG_EPOLL=n\n");
  put("b.conf", "CONFIG_MEMBARRIER=n\n");
  const auto outcome = run_kcheck({"config", "--criu=3.19", "--fragments", path("a.conf"), path("b.conf")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("b.conf:1")) << outcome.err;
  EXPECT_TRUE(outcome.err.contains("a.conf:1")) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("FAIL    kernel.membarrier")) << outcome.out;
}

TEST_F(Configuration, AFragmentStatesWhatIsOnByDefaultToo) {
  const auto outcome = run_kcheck({"fragment", "--criu=3.19", "--arch", "x86_64"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("\nCONFIG_MEMBARRIER=y\n")) << outcome.out;
  const auto old = run_kcheck({"fragment", "--criu=3.17.1", "--arch", "x86_64"});
  EXPECT_FALSE(old.out.contains("CONFIG_MEMBARRIER")) << old.out;
  // It must be a fragment that kcheck itself finds ready, as far as a fragment can tell.
  put("made.conf", outcome.out);
  const auto judged = run_kcheck({"config", "--criu=3.19", path("made.conf")});
  EXPECT_NE(judged.status, 1) << judged.out;
}

TEST_F(Configuration, AConfigurationThatDoesNotSayItsArchitecture) {
  put("bare", "CONFIG_B=y\n");
  const auto outcome = run_kcheck({"fragment", "--criu=3.19", "--config", path("bare"), "--tree", path()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.err.contains("give --arch")) << outcome.err;
}

}  // namespace
}  // namespace cg
