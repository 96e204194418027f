// kcheck images on the checkpoints that lie in the tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "json_schema.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

std::string fixture(const std::string& version) {
  return std::string(CG_SOURCE_DIR) + "/tests/unit/checkpoint/fixtures/criu-" + version + ".tar.gz";
}

TEST(KcheckImages, ShowsWhatIsInThereOnOneScreen) {
  const auto shown = run_kcheck({"images", fixture("4.2.1")});
  EXPECT_EQ(shown.status, 0) << shown.err;
  for (const char* words : {"2 processes, 2 threads", "CRIU 4.2.1 on Linux 6.18", "task", "1 inet socket",
                            "tcp 127.0.0.1:5929 listening (fd "})
    EXPECT_TRUE(shown.out.contains(words)) << words << "\n" << shown.out;
  EXPECT_LT(std::ranges::count(shown.out, '\n'), 24);
}

TEST(KcheckImages, WritesJsonAsTheSchemaSays) {
  const auto shown = run_kcheck({"images", fixture("4.2.1"), "--format", "json"});
  EXPECT_EQ(violation_of(shown.out, "kcheck-images.schema.json"), "");
  EXPECT_EQ(nlohmann::json::parse(shown.out)["processes"].size(), 2U);
  const auto compared = run_kcheck({"images", fixture("4.2.1"), fixture("4.3"), "--format", "json"});
  EXPECT_EQ(violation_of(compared.out, "kcheck-images.schema.json"), "");
}

TEST(KcheckImages, SaysHowTwoDiffer) {
  const auto other = run_kcheck({"images", fixture("4.2.1"), fixture("4.3")});
  EXPECT_EQ(other.status, 1);
  EXPECT_TRUE(other.out.contains("CRIU\n  - 4.2.1\n  + 4.3\n")) << other.out;
  const auto same = run_kcheck({"images", fixture("4.2.1"), fixture("4.2.1")});
  EXPECT_EQ(same.status, 0);
  EXPECT_TRUE(same.out.contains("hold the same")) << same.out;
}

TEST(KcheckImages, RefusesWhatIsNone) {
  const TemporaryDirectory empty;
  EXPECT_EQ(run_kcheck({"images", empty.path().string()}).status, 1);
  EXPECT_EQ(run_kcheck({"images", (empty.path() / "nothing").string()}).status, 3);
  EXPECT_EQ(run_kcheck({"images", fixture("4.2.1"), "--format", "sarif"}).status, 2);
}

}  // namespace
}  // namespace cg
