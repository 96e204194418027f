// Which modules a guest gets for its kernel, and in which order.
#include "modules.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/process.h"
#include "initrd.h"
#include "temporary_directory.h"
#include "unit/kernel/boot_image.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class GuestModules : public testing::Test {
 protected:
  void SetUp() override {
    put("modules.dep",
        "kernel/drivers/virtio/virtio.ko:\n"
        "kernel/drivers/virtio/virtio_ring.ko:\n"
        "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko "
        "kernel/drivers/virtio/virtio_ring.ko\n"
        "kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio.ko "
        "kernel/drivers/virtio/virtio_ring.ko\n"
        "kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko "
        "kernel/drivers/virtio/virtio_ring.ko\n"
        "kernel/crypto/crc32c_generic.ko:\n"
        "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko\n"
        "kernel/lib/libcrc32c.ko:\n"
        "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko kernel/drivers/virtio/virtio.ko\n"
        "kernel/drivers/nvdimm/nd_pmem.ko:\n"
        "kernel/sound/loud.ko:\n");
    for (const char* name :
         {"drivers/virtio/virtio.ko", "drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio_pci.ko",
          "drivers/char/hw_random/virtio-rng.ko", "crypto/crc32c_generic.ko", "fs/xfs/xfs.ko",
          "lib/libcrc32c.ko", "fs/erofs/erofs.ko", "drivers/nvdimm/nd_pmem.ko"})
      put(std::string("kernel/") + name, name);
    put("kernel/drivers/block/virtio_blk.ko.xz",
        run_checked({"xz", "-c", "--check=crc32"}, {.input = "drivers/block/virtio_blk.ko"}).value());
  }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories((directory() / name).parent_path());
    ASSERT_TRUE(write_file_atomically(directory() / name, text));
  }
  fs::path top() const { return directory_.path(); }
  fs::path directory() const { return top() / "lib/modules/9.1.0-3-amd64"; }
  static std::vector<std::string> names(const std::vector<GuestFile>& files) {
    std::vector<std::string> all;
    for (const auto& file : files) all.push_back(file.name);
    return all;
  }

 private:
  TemporaryDirectory directory_;
};

using Names = std::vector<std::string>;

TEST_F(GuestModules, ComeBehindWhatTheyNeedAndUnpacked) {
  const auto files = guest_modules(directory(), {});
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(names(*files),
            (Names{"modules/00-virtio_ring.ko", "modules/01-virtio.ko", "modules/02-virtio_pci.ko",
                   "modules/03-virtio_blk.ko", "modules/04-virtio_rng.ko"}));
  EXPECT_EQ((*files)[3].bytes, "drivers/block/virtio_blk.ko");
  EXPECT_EQ((*files)[4].bytes, "drivers/char/hw_random/virtio-rng.ko");
}

TEST_F(GuestModules, OfAnImageItsFileSystemsAreWithTheirChecksum) {
  const auto files = guest_modules(directory(), {.image = true, .pmem = true});
  ASSERT_TRUE(files) << files.error().message;
  const Names all = names(*files);
  const Names wanted = {"modules/05-nd_pmem.ko",
                        "modules-ext4/00-crc32c_generic.ko",
                        "modules-erofs/00-crc32c_generic.ko",
                        "modules-erofs/01-libcrc32c.ko",
                        "modules-erofs/02-erofs.ko",
                        "modules-squashfs/00-crc32c_generic.ko",
                        "modules-xfs/00-crc32c_generic.ko",
                        "modules-xfs/01-libcrc32c.ko",
                        "modules-xfs/02-xfs.ko"};
  EXPECT_EQ(Names(all.begin() + 5, all.end()), wanted);
}

TEST_F(GuestModules, AreMissedWithAWord) {
  auto files = guest_modules(top(), {});
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, ErrorKind::cannot);
  EXPECT_TRUE(files.error().message.contains("depmod")) << files.error().message;
  fs::remove(directory() / "kernel/drivers/virtio/virtio.ko");
  EXPECT_FALSE(guest_modules(directory(), {})) << "the index names it";
  put("kernel/drivers/virtio/virtio.ko", "there again");
  put("kernel/drivers/block/virtio_blk.ko.xz", std::string("\xfd"
                                                           "7zXZ\0 damaged",
                                                           14));
  files = guest_modules(directory(), {});
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, ErrorKind::refused) << files.error().message;
}

TEST_F(GuestModules, OfAKernelLieBesideIt) {
  const fs::path kernel = top() / "vmlinuz-9.1.0-3-amd64";
  ASSERT_TRUE(write_file_atomically(kernel, boot_image("\x1f\x8b", "9.1.0-3-amd64")));
  fs::create_directories(top() / "elsewhere");
  fs::create_symlink(kernel, top() / "elsewhere/vmlinuz.container");
  for (const auto& name : {kernel, top() / "elsewhere/vmlinuz.container"})
    EXPECT_EQ(find_modules(name), fs::canonical(directory()));
  ASSERT_TRUE(write_file_atomically(top() / "other", boot_image("\x1f\x8b", "9.1.0-4-amd64")));
  EXPECT_EQ(find_modules(top() / "other"), fs::path()) << "another kernel's";
  ASSERT_TRUE(write_file_atomically(top() / "other", boot_image("\x1f\x8b", "9.1/../9.1.0-3-amd64")));
  EXPECT_EQ(find_modules(top() / "other"), fs::path()) << "a release is no path";
  ASSERT_TRUE(write_file_atomically(top() / "other", "no kernel"));
  EXPECT_EQ(find_modules(top() / "other"), fs::path());
  EXPECT_EQ(find_modules(top() / "none"), fs::path());
  fs::remove(directory() / "modules.dep");
  EXPECT_EQ(find_modules(kernel), fs::path()) << "without an index they are of no use";
}

TEST_F(GuestModules, GoIntoTheArchiveWithTheirDirectories) {
  const auto files = guest_modules(directory(), {.image = true});
  ASSERT_TRUE(files);
  const fs::path archive = top() / "guest.cpio";
  ASSERT_TRUE(write_file_atomically(archive, guest_archive({}, *files)));
  const fs::path out = top() / "out";
  fs::create_directories(out);
  if (!find_program("cpio")) GTEST_SKIP() << "cpio is not installed";
  const auto unpacked = run({"bash", "-c", "cpio -idm < \"$0\"", archive.string()}, {.directory = out});
  ASSERT_TRUE(unpacked && unpacked->status == 0) << (unpacked ? unpacked->err : "");
  for (const auto& file : *files)
    EXPECT_EQ(read_file(out / ".guest-run" / file.name).value_or("-"), file.bytes);
}

}  // namespace
}  // namespace cg
