// The Kata image with an agent: systemd starts the very file that was put in, CRIU and kcheck work beside it.
#include <gtest/gtest.h>

#include "base/file.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

TEST(KataImage, SystemdStartsTheAgentThatWasPutIn) {
  if (!fs::exists(checkout / "out/vmlinux.container") || !fs::exists(checkout / "out/criu-4.2.1"))
    GTEST_SKIP() << "kernel or CRIU is missing; `make demo` makes them";
  const TemporaryDirectory directory;
  const std::string image = (directory.path() / "kata.img").string();
  const std::string agent = programs + "stand-in-agent";
  const auto built = call({programs + "rootfs-builder", "build", "kata", "-o", image, "--set",
                           "criu=" + (checkout / "out/criu-4.2.1").string(), "--set",
                           "kcheck=" + programs + "kcheck", "--set", "agent=" + agent});
  ASSERT_EQ(built.status, 0) << built.out << built.err;

  const auto checked = call({"e2fsck", "-fn", image});
  EXPECT_EQ(checked.status, 0) << checked.out;
  EXPECT_EQ(
      call({programs + "rootfs-builder", "verify", image, "--expect", agent + ":/usr/bin/kata-agent"}).status,
      0);
  const auto stale = call({programs + "rootfs-builder", "verify", image, "--expect",
                           programs + "demo-workload:/usr/bin/kata-agent"});
  EXPECT_EQ(stale.status, 1) << stale.out << stale.err;

  const auto guest = call({programs + "guest-run", "--kernel", (checkout / "out/vmlinux.container").string(),
                           "--image", image, "--timeout", "400", "--", "sh", "-c",
                           "systemctl is-active kata-agent; cat /run/stand-in-agent; kcheck --criu "
                           ">/dev/null; echo kcheck $?; criu check"});
  EXPECT_EQ(guest.status, 0) << guest.err;
  EXPECT_EQ(guest.out, "active\nstarted with parent 1\nkcheck 0\nLooks good.\n") << guest.err;
}

}  // namespace
}  // namespace cg
