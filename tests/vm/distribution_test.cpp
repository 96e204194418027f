// The distribution's kernel, which has disk, console and all that CRIU asks of sockets in modules, with the
// demo's image: what `make demo KERNEL=debian` puts together. No network is asked.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class DistributionKernel : public testing::Test {
 protected:
  void SetUp() override {
    const auto list = call({programs + "kernel-builder", "list", "--format", "json"});
    ASSERT_EQ(list.status, 0) << list.err;
    const auto document = nlohmann::json::parse(list.out);
    bool cached = false;
    for (const auto& row : document["recipes"])
      cached = cached || (row["recipe"] == "debian" && row["cached"] == true);
    if (!cached)
      GTEST_SKIP() << "Debian's kernel is not in the cache; `make demo KERNEL=debian` takes it there";
    if (!fs::exists(criu)) GTEST_SKIP() << criu << " is missing; `make demo` makes it";
    tool({"kernel-builder", "build", "debian", "--offline", "-o", path("")});
    release_ = fs::read_symlink(path("vmlinux.container")).string().substr(std::string("vmlinux-").size());
    tool({"rootfs-builder", "build", "demo", "-o", path("demo.img"), "--set", "criu=" + criu, "--set",
          "kcheck=" + programs + "kcheck", "--set", "guest-checkpoint=" + programs + "guest-checkpoint",
          "--set", "modules=" + path("lib/modules/" + release_)});
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  static ProcessResult tool(std::vector<std::string> argv) {
    argv[0] = programs + argv[0];
    auto done = call(argv);
    EXPECT_EQ(done.status, 0) << done.out << done.err;
    return done;
  }
  ProcessResult guest(const std::vector<std::string>& how, const std::vector<std::string>& command) const {
    std::vector<std::string> argv = {programs + "guest-run", "--kernel", path("vmlinux.container"),
                                     "--timeout", "400"};
    argv.insert(argv.end(), how.begin(), how.end());
    argv.emplace_back("--");
    argv.insert(argv.end(), command.begin(), command.end());
    return call(argv);
  }

  const std::string criu = (checkout / "out/criu-4.2.1").string();
  std::string release_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(DistributionKernel, TakesAContainerThroughACheckpointAndBack) {
  // Before anything is booted: the configuration beside the kernel, and the modules in the image.
  const auto offline =
      tool({"kcheck", "image", path("demo.img"), "--kernel", path("vmlinux.container"), "--criu", "4.2.1"});
  EXPECT_TRUE(offline.out.starts_with("READY for CRIU 4.2.1")) << offline.out;
  const auto ran =
      guest({"--image", path("demo.img"), "--put", programs + "demo-guest:/run/demo-guest:755", "--put",
             programs + "demo-workload:/run/demo-workload:755"},
            {"sh", "-c",
             "uname -r; kcheck --criu=4.2.1 && test -c /dev/net/tun && "
             "/run/demo-guest --criu /usr/sbin/criu --workload /run/demo-workload --work /run/demo; "
             "status=$?; lsmod; exit $status"});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_TRUE(ran.out.starts_with(release_ + "\nREADY for CRIU 4.2.1")) << ran.out;
  EXPECT_TRUE(ran.out.contains("/lib/modules/" + release_ + "/config")) << ran.out;
  EXPECT_TRUE(ran.out.contains("The container went on where it had stopped.")) << ran.out;
  for (const char* module : {"\nvirtio_blk ", "\nunix_diag ", "\ntcp_diag "})
    EXPECT_TRUE(ran.out.contains(module)) << module << ran.out;
}

// A file system in a module, and a kernel whose modules nobody gave.
TEST_F(DistributionKernel, ReadsARootWhoseFileSystemIsAModule) {
  tool({"rootfs-builder", "convert", path("demo.img"), "--form", "erofs", "-o", path("erofs")});
  const auto ran = guest({"--image", path("erofs"), "--read-only"},
                         {"sh", "-c", "awk '$2 == \"/\" { print $1, $3 }' /proc/mounts"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "/dev/vda erofs\n") << ran.err;
  const auto bare = guest({"--image", path("demo.img"), "--modules", "none"}, {"true"});
  EXPECT_EQ(bare.status, 125);
  EXPECT_TRUE(bare.err.contains("or its modules: see --modules")) << bare.err;
}

}  // namespace
}  // namespace cg
