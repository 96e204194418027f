// A guest boots from every form an image is made in: the kernel is the last reader of what we write.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class ImageForms : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(checkout / "out/vmlinux.container") || !fs::exists(checkout / "out/demo.img"))
      GTEST_SKIP() << "kernel or demo image is missing; `make demo` makes them";
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  static void tool(std::vector<std::string> argv) {
    argv.insert(argv.begin(), programs + "rootfs-builder");
    const auto done = call(argv);
    EXPECT_EQ(done.status, 0) << done.err;
  }
  static void put_into(const std::string& image) {
    tool({"inject", image, programs + "stand-in-agent:/sbin/put-in:755", "--grow"});
  }
  // The demo image in another form. A new file is put into that form, or, where it cannot be edited, before.
  std::string converted(const std::string& form, const std::vector<std::string>& more = {}) {
    const bool editable = !form.contains("erofs");
    std::string from = (checkout / "out/demo.img").string();
    if (!editable) {
      fs::copy_file(from, path("edited"));
      from = path("edited");
      put_into(from);
    }
    std::vector<std::string> argv = {"convert", from, "--form", form, "-o", path(form)};
    argv.insert(argv.end(), more.begin(), more.end());
    tool(argv);
    if (editable) put_into(path(form));
    return path(form);
  }
  // What the guest says its root is.
  void expect_root(std::vector<std::string> how, const std::string& device) {
    std::vector<std::string> argv = {programs + "guest-run", "--kernel",
                                     (checkout / "out/vmlinux.container").string(), "--timeout", "200"};
    argv.insert(argv.end(), how.begin(), how.end());
    for (const char* word : {"--", "sh", "-c"}) argv.emplace_back(word);
    argv.emplace_back(
        "awk '$2 == \"/\" { print $1 }' /proc/mounts; criu --version | head -1; test -x /usr/sbin/put-in");
    const auto guest = call(argv);
    EXPECT_EQ(guest.status, 0) << guest.out << guest.err;
    EXPECT_TRUE(guest.out.starts_with(device + "\nVersion: ")) << guest.out << guest.err;
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(ImageForms, KataDisk) {
  expect_root({"--image", converted("kata")}, "/dev/vda1");
}
TEST_F(ImageForms, Gpt) {
  expect_root({"--image", converted("gpt")}, "/dev/vda1");
}
TEST_F(ImageForms, KataDaxDiskOverVirtio) {
  expect_root({"--image", converted("kata-dax")}, "/dev/vda1");
}
TEST_F(ImageForms, KataDaxDiskAsPersistentMemory) {
  expect_root({"--image", converted("kata-dax"), "--image-as", "pmem"}, "/dev/pmem0p1");
}
TEST_F(ImageForms, Initrd) {
  expect_root({"--initrd", converted("initrd")}, "rootfs");
}
TEST_F(ImageForms, InitrdByZstd) {
  expect_root({"--initrd", converted("initrd", {"--compress", "zstd"})}, "rootfs");
}

// The kernel is the judge of what is appended: a program that is seen running, through a link that must stay
// one; a name taken from a file with two, and a mode.
TEST_F(ImageForms, InitrdThatWasAppendedTo) {
  const auto words = [&](const char* name, const char* text) {
    EXPECT_TRUE(write_file_atomically(path(name), text));
    return path(name);
  };
  fs::create_directories(path("more/etc"));
  words("more/etc/first", "first");
  fs::create_hard_link(path("more/etc/first"), path("more/etc/second"));
  fs::create_hard_link(path("more/etc/first"), path("more/etc/third"));
  tool({"extract", (checkout / "out/demo.img").string(), "-o", path("demo.tar")});
  for (const std::string compression : {"none", "gzip", "zstd", "xz"}) {
    const std::string initrd = path(compression);
    tool({"create", "--from", path("demo.tar"), "--from", path("more"), "--form", "initrd", "--compress",
          compression, "-o", initrd});
    tool({"inject", initrd, programs + "stand-in-agent:/sbin/put-in:755"});
    tool({"inject", initrd, words("new", "new") + ":/etc/first", path("new") + ":/made/here/new:600:1:2"});
    tool({"replace", initrd, words("newer", "newer") + ":/etc/second"});
    tool({"chmod", initrd, "0711", "/etc/third"});
    tool({"symlink", initrd, "etc/first", "/link"});
    const auto guest =
        call({programs + "guest-run", "--kernel", (checkout / "out/vmlinux.container").string(), "--timeout",
              "200", "--initrd", initrd, "--", "sh", "-c",
              "/usr/sbin/put-in > /dev/null & until test -s /run/stand-in-agent; do :; done; cat "
              "/run/stand-in-agent | cut -c1-20; readlink /sbin; cat /link "
              "/etc/second /etc/third; "
              "echo; stat -c '%a %u %g %h' /made/here/new /etc/first /etc/second /etc/third"});
    EXPECT_EQ(guest.status, 0) << guest.out << guest.err;
    EXPECT_EQ(guest.out,
              "started with parent \nusr/sbin\nnewnewernewer\n600 1 2 1\n644 0 0 1\n711 0 0 2\n711 0 0 2\n")
        << compression << guest.err;
  }
}

TEST_F(ImageForms, Erofs) {
  expect_root({"--image", converted("erofs"), "--read-only"}, "/dev/vda");
}
TEST_F(ImageForms, KataErofs) {
  expect_root({"--image", converted("kata-erofs", {"--compress", "none"}), "--read-only"}, "/dev/vda1");
}

// The demo image has no dynamic loader and no library; this machine's are brought along.
TEST_F(ImageForms, ProgramWithItsLibraries) {
  const std::string image = converted("ext4");
  tool({"inject", image, "/usr/bin/md5sum:/opt/md5sum", "--with-libs", "--grow"});
  const auto guest =
      call({programs + "guest-run", "--kernel", (checkout / "out/vmlinux.container").string(), "--timeout",
            "200", "--image", image, "--", "sh", "-c", "printf abc | /opt/md5sum"});
  EXPECT_EQ(guest.out, "900150983cd24fb0d6963f7d28e17f72  -\n") << guest.err;
}

// Of both kinds of file system; the kernel's command line alone sets the device up.
TEST_F(ImageForms, VerifiedRoot) {
  for (const std::string form : {"kata", "kata-erofs"}) {
    const std::string disk = converted(form, {"--verity"});
    const auto line = read_file(disk + ".root_hash.txt");
    ASSERT_TRUE(line);
    std::map<std::string, std::string> values;
    for (const auto& field : split(std::string(trim(*line)), ','))
      values[field.substr(0, field.find('='))] = field.substr(field.find('=') + 1);
    const std::string blocks = values["data_blocks"];
    const std::string table = "dm-mod.create=\"dm-verity,,,ro,0 " + std::to_string(std::stoull(blocks) * 8) +
                              " verity 1 /dev/vda1 /dev/vda2 4096 4096 " + blocks + " 0 sha256 " +
                              values["root_hash"] + " " + values["salt"] + "\"";
    expect_root({"--image", disk, "--read-only", "--root-device", "/dev/dm-0", "--append", table},
                "/dev/dm-0");
  }
}

}  // namespace
}  // namespace cg
