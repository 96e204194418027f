// The cheapest row of `make proof`, so that the others can be run at any time.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "criu/versions.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

TEST(Proof, BusyboxSleepIsTakenThroughACheckpoint) {
  for (const auto& needed : {checkout / "out/vmlinux.container", checkout / "out/proof.img"})
    if (!fs::exists(needed)) GTEST_SKIP() << needed.filename() << " is missing; `make proof` makes it";
  const TemporaryDirectory directory;
  const std::string version = criu_versions().preferred.text();
  const auto built = call({programs + "criu-builder", "build", version, "-o", directory.path().string()});
  if (built.status == 3 && built.err.contains("no source could be had"))
    GTEST_SKIP() << "CRIU " << version << ": its tarball is neither in the cache nor to be had here";
  ASSERT_EQ(built.status, 0) << built.err;
  const auto rows =
      call({programs + "proof-guest", "rows", "--workloads", (checkout / "proof/workloads.toml").string(),
            "--criu", version, "--kernel", "6.12"});
  const std::string name = "sleep/" + version + "/6.12/tree";
  EXPECT_TRUE(rows.out.contains(name + "\n")) << rows.out << rows.err;
  const auto guest = call({programs + "guest-run",
                           "--kernel",
                           (checkout / "out/vmlinux.container").string(),
                           "--image",
                           (checkout / "out/proof.img").string(),
                           "--init",
                           "none",
                           "--timeout",
                           "600",
                           "--put",
                           (directory.path() / ("criu-" + version)).string() + ":/run/criu:755",
                           "--put",
                           programs + "guest-checkpoint:/usr/bin/guest-checkpoint:755",
                           "--put",
                           programs + "proof-guest:/run/proof-guest:755",
                           "--put",
                           (checkout / "proof/workloads.toml").string() + ":/run/workloads.toml",
                           "--put",
                           (checkout / "proof/client.sh").string() + ":/run/client.sh",
                           "--",
                           "/run/proof-guest",
                           "run",
                           name,
                           "--workloads",
                           "/run/workloads.toml",
                           "--client",
                           "/run/client.sh",
                           "--criu",
                           "/run/criu"});
  ASSERT_EQ(guest.status, 0) << guest.out << guest.err;
  const auto answer = nlohmann::json::parse(guest.out, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << guest.out;
  EXPECT_EQ(answer.value("result", ""), "restored") << guest.out;
  EXPECT_EQ(answer.value("kcheck", ""), "READY") << guest.out;
  EXPECT_EQ(answer.value("held", ""), "it sleeps on") << guest.out;
}

}  // namespace
}  // namespace cg
