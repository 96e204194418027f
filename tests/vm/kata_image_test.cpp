// The Kata image with an agent: systemd starts the very file that was put in, CRIU and kcheck work beside it.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/text.h"
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

  // The extension as Kata's runtime hands it over: a second disk, and its root hash on the command line; the
  // kernel sets the verified device up, as Kata's mount script does by veritysetup.
  const std::string extension = (directory.path() / "criu.img").string();
  const auto made =
      call({programs + "rootfs-builder", "build", "kata-extension", "-o", extension, "--set",
            "criu=" + (checkout / "out/criu-4.1.1").string(), "--set", "kcheck=" + programs + "kcheck",
            "--set", "guest-checkpoint=" + programs + "guest-checkpoint"});
  ASSERT_EQ(made.status, 0) << made.out << made.err;
  EXPECT_EQ(call({programs + "kcheck", "image", extension}).status, 0);
  EXPECT_TRUE(read_file(extension + ".kata.toml").value_or("").contains("path = \"" + extension + "\"\n"));
  std::map<std::string, std::string> verity;
  const auto line = read_file(extension + ".root_hash.txt").value_or("");
  for (const auto& field : split(trim(line), ','))
    verity[field.substr(0, field.find('='))] = field.substr(field.find('=') + 1);
  const std::string blocks = verity["data_blocks"];
  ASSERT_NE(blocks, "");
  const std::string table = "dm-mod.create=\"dm-verity,,,ro,0 " + std::to_string(std::stoull(blocks) * 8) +
                            " verity 1 /dev/vdb1 /dev/vdb2 4096 4096 " + blocks + " 0 sha256 " +
                            verity["root_hash"] + " " + verity["salt"] + "\"";

  const auto guest =
      call({programs + "guest-run", "--kernel", (checkout / "out/vmlinux.container").string(), "--image",
            image, "--disk", extension + ":ro", "--append", table, "--timeout", "400", "--", "sh", "-c",
            "systemctl is-active kata-agent; cat /run/stand-in-agent; kcheck --criu >/dev/null; echo kcheck "
            "$?; criu check\n"
            "mkdir -p /run/kata-extensions/criu && mount -t erofs -o ro /dev/dm-0 /run/kata-extensions/criu "
            "|| exit\n"
            "PATH=/run/kata-extensions/criu/bin:$PATH\n"
            "for name in criu kcheck guest-checkpoint; do command -v $name; done\n"
            "setsid sleep 1000 </dev/null >/dev/null 2>&1 & task=$!\n"
            "kcheck tree $task >/dev/null; echo tree $?\n"
            "mkdir /tmp/images && criu dump -t $task -D /tmp/images && ! kill -0 $task 2>/dev/null &&\n"
            "criu restore -d -D /tmp/images && kill -0 $task && echo restored"});
  EXPECT_EQ(guest.status, 0) << guest.err;
  EXPECT_EQ(guest.out,
            "active\nstarted with parent 1\nkcheck 0\nLooks good.\n"
            "/run/kata-extensions/criu/bin/criu\n/run/kata-extensions/criu/bin/kcheck\n"
            "/run/kata-extensions/criu/bin/guest-checkpoint\ntree 0\nrestored\n")
      << guest.err;
}

}  // namespace
}  // namespace cg
