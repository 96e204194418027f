// Trees that nobody thought of: made by lot, kcheck asked first, then dumped and restored by CRIU in a guest.
// Each seed is one tree; `lab-guest random --seed N` sets the same one up again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

TEST(RandomTrees, KcheckForetellsWhatCriuDoes) {
  for (const auto& needed : {checkout / "out/vmlinux.container", checkout / "out/demo.img"})
    if (!fs::exists(needed)) GTEST_SKIP() << needed.filename() << " is missing; `make demo` makes it";
  const std::string version = "4.2.1";
  const TemporaryDirectory directory;
  const auto built = call({programs + "criu-builder", "build", version, "-o", directory.path().string()});
  if (built.status == 3 && built.err.contains("no source could be had"))
    GTEST_SKIP() << "CRIU " << version << ": its tarball is neither in the cache nor to be had here";
  ASSERT_EQ(built.status, 0) << built.err;
  const int seeds = std::getenv("CG_CHECK_LONG") ? 100 : 10;
  const auto result = call({programs + "guest-run",
                            "--kernel",
                            (checkout / "out/vmlinux.container").string(),
                            "--image",
                            (checkout / "out/demo.img").string(),
                            "--timeout",
                            "3600",
                            "--put",
                            (directory.path() / ("criu-" + version)).string() + ":/run/criu:755",
                            "--put",
                            programs + "lab-guest:/run/lab-guest:755",
                            "--put",
                            programs + "kcheck:/run/kcheck:755",
                            "--",
                            "/run/lab-guest",
                            "random",
                            "--seed",
                            "1",
                            "--count",
                            std::to_string(seeds),
                            "--kcheck",
                            "/run/kcheck",
                            "--criu",
                            version + "=/run/criu"});
  EXPECT_EQ(result.status, 0) << result.err;
  int answers = 0;
  int absent = 0;
  for (const auto line : split_lines(result.out)) {
    const auto answer = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << line;
    ++answers;
    if (answer.contains("absent"))
      ++absent;
    else
      EXPECT_TRUE(answer.value("agrees", false)) << answer.dump(2);
  }
  EXPECT_EQ(answers, seeds) << result.err;
  EXPECT_LT(absent, seeds / 2);
}

}  // namespace
}  // namespace cg
