// What people hand in that was made for something else, or elsewhere: no tar, an archive in an archive, files
// of the kernel, attributes and names of other systems, full descriptors.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/process.h"
#include "hostile/raw_tar.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class Strangers : public ImageCase {
 protected:
  void SetUp() override { NEEDS_PROGRAM("e2fsck"); }
  void write(std::string_view name, std::string_view bytes) {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << bytes;
  }
  Outcome create(std::string_view from, std::vector<std::string> more = {}) {
    fs::remove(path("i.img"));
    std::vector<std::string> args = {"create", "--from", text(from), "-o", text("i.img")};
    args.insert(args.end(), more.begin(), more.end());
    return rootfs_builder(args);
  }
  void expect_refused(std::string_view from, std::string_view named) {
    const auto outcome = create(from);
    EXPECT_EQ(outcome.status, 1) << from;
    EXPECT_TRUE(outcome.err.contains(named)) << from << ": " << outcome.err;
    EXPECT_FALSE(fs::exists(path("i.img"))) << from;
  }
};

TEST_F(Strangers, WhatIsNoTarIsSaidToBeWhatItIs) {
  write("zeros", std::string(1 << 20, '\0'));
  expect_refused("zeros", "a file of zeros");
  write("nothing", "");
  expect_refused("nothing", "empty");
  write("empty.tar", std::string(10240, '\0'));
  EXPECT_EQ(create("empty.tar").status, 0);
  fs::rename(path("i.img"), path("ext.img"));
  expect_refused("ext.img", "an ext2/3/4 file system");
  write("cpio", "070701" + std::string(2000, '0'));
  expect_refused("cpio", "a cpio archive");
}

TEST_F(Strangers, AnArchiveInAnArchive) {
  write_tar_file(path("inner.tar"), {{.path = "etc/a", .content = "a"}});
  write_tar_file(path("outer.tar"), {{.path = "inner.tar", .content = bytes_of(path("inner.tar"))}});
  expect_refused("outer.tar", "nothing but a tar");
  // With anything beside it, or in a directory, it is a file.
  write_tar_file(path("payload.tar"), {{.path = "opt/inner.tar", .content = bytes_of(path("inner.tar"))}});
  EXPECT_EQ(create("payload.tar").status, 0);
  const std::string blob = "blobs/sha256/" + std::string(64, 'a');
  write_tar_file(path("half.tar"), {{.path = blob, .content = "x"}});
  expect_refused("half.tar", "half a container image");
  write_tar_file(path("below.tar"), {{.path = "image/", .type = 'd'},
                                     {.path = "image/blobs/", .type = 'd'},
                                     {.path = "image/" + blob, .content = "x"},
                                     {.path = "image/oci-layout", .content = "{}"}});
  expect_refused("below.tar", "in the directory image");
  fs::create_directories(path("half/blobs/sha256"));
  write("half/index.json", "{}");
  expect_refused("half", "without oci-layout");
}

TEST_F(Strangers, AttributesOfOtherSystems) {
  write_tar_file(
      path("mac.tar"),
      {{.path = "a", .content = "1", .xattrs = {{"com.apple.quarantine", "q"}, {"user.kept", "k"}}},
       {.path = "b", .content = "2", .xattrs = {{"com.apple.FinderInfo", "f"}}}});
  const auto made = create("mac.tar");
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(made.err.contains("com.apple.quarantine of a and 1 more")) << made.err;
  EXPECT_TRUE(is_clean(path("i.img")));
  EXPECT_TRUE(debugfs(path("i.img"), "ea_list /a").contains("user.kept"));
  const auto strict = create("mac.tar", {"--strict-attributes"});
  EXPECT_EQ(strict.status, 1);
  EXPECT_TRUE(strict.err.contains("/a: attribute com.apple.quarantine")) << strict.err;
}

TEST_F(Strangers, FilesThatTheKernelMakesUp) {
  fs::create_directory(path("none"));
  for (const char* form : {"ext4", "erofs"}) {
    if (std::string_view(form) == "erofs" && !find_program("mkfs.erofs")) continue;
    ASSERT_EQ(create("none", {"--from", "/proc/sys/kernel/random", "--form", form}).status, 0) << form;
    const auto read = rootfs_builder({"cat", text("i.img"), "/poolsize"});
    EXPECT_EQ(read.out, bytes_of("/proc/sys/kernel/random/poolsize")) << form << read.err;
    EXPECT_FALSE(read.out.empty());
  }
  // And put into an image that is there, of every form.
  write_tar_file(path("t.tar"), {{.path = "a", .content = "1"}});
  for (const char* form : {"ext4", "initrd"}) {
    ASSERT_EQ(create("t.tar", {"--form", form}).status, 0) << form;
    for (const char* made_up : {"/proc/version", "/proc/sys/kernel/random/poolsize",
                                "/sys/kernel/mm/transparent_hugepage/enabled"}) {
      if (!fs::exists(made_up)) continue;
      const auto put = rootfs_builder({"inject", text("i.img"), std::string(made_up) + ":/made-up"});
      EXPECT_EQ(put.status, 0) << form << made_up << put.err;
      EXPECT_EQ(rootfs_builder({"cat", text("i.img"), "/made-up"}).out, bytes_of(made_up)) << form;
    }
    EXPECT_TRUE(std::string_view(form) != "ext4" || is_clean(path("i.img")));
  }
}

TEST_F(Strangers, NamesAreShownOnOneLine) {
  const std::string name = "a\x1b[2Jb\nc\xff\xc2\x9b\xe2\x80\xae";
  write_tar_file(path("t.tar"),
                 {{.path = name, .content = "1"}, {.path = "l", .type = 'l', .content = "\x1b]0;x\x07"}});
  ASSERT_EQ(create("t.tar").status, 0);
  const auto listed = rootfs_builder({"ls", text("i.img")});
  EXPECT_TRUE(listed.out.contains(R"(a\x1b[2Jb\nc\xff\xc2\x9b\xe2\x80\xae)")) << listed.out;
  EXPECT_TRUE(listed.out.contains(R"(l -> \x1b]0;x\x07)")) << listed.out;
  const auto json = nlohmann::json::parse(rootfs_builder({"ls", text("i.img"), "--format", "json"}).out);
  EXPECT_TRUE(json["entries"][0]["name"].get<std::string>().starts_with("a\x1b[2Jb\nc"));
  fs::copy(path("i.img"), path("j.img"));
  const auto removed = rootfs_builder({"remove", text("j.img"), "/" + name});
  EXPECT_TRUE(removed.err.contains(R"(/a\x1b[2Jb\nc)")) << removed.err;
  const auto differ = rootfs_builder({"diff", text("i.img"), text("j.img"), "--files"});
  EXPECT_TRUE(differ.out.contains(R"(/a\x1b[2Jb\nc)")) << differ.out;
  // In what is refused, too.
  write_tar_file(path("t.tar"), {{.path = "x\ny", .content = "1"}, {.path = "x\ny/\x1b[1m", .content = "1"}});
  const auto refused = create("t.tar");
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(refused.err.contains(R"(x\ny/\x1b[1m)") && !refused.err.contains('\x1b')) << refused.err;
}

TEST_F(Strangers, AnInitrdBecomesTheSameErofsEachTime) {
  NEEDS_PROGRAM("mkfs.erofs");
  write_tar_file(path("t.tar"),
                 {{.path = "etc/a", .content = "a"}, {.path = "l", .type = 'l', .content = "etc"}});
  ASSERT_EQ(create("t.tar", {"--form", "initrd"}).status, 0);
  for (const char* to : {"1", "2"})
    ASSERT_EQ(rootfs_builder({"convert", text("i.img"), "--form", "erofs", "-o", text(to)}).status, 0);
  EXPECT_TRUE(bytes_of(path("1")) == bytes_of(path("2")));
}

// The permissions of a group are the mask of the ACL: what `ls` shows of the file itself, and what the
// archive's header says.
TEST_F(Strangers, ModesOfFilesWithAnAcl) {
  const auto made_of = [&](const std::string& acl, unsigned mode) {
    fs::remove(path("i.img"));
    const std::string records = pax_record("SCHILY.acl.access", acl);
    std::string member = header("f", 0);
    char octal[8];
    std::snprintf(octal, sizeof octal, "%07o", mode);
    member.replace(100, 7, octal, 7);
    member.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char byte : member) sum += static_cast<unsigned char>(byte);
    std::snprintf(octal, sizeof octal, "%06o", sum);
    member.replace(148, 8, std::string(octal, 6) + std::string("\0 ", 2));
    write("t.tar",
          header("PaxHeaders/f", records.size(), 'x') + padded(records) + member + std::string(1024, '\0'));
    return create("t.tar");
  };
  ASSERT_EQ(made_of("user::rw-,user:7:rwx,group::r--,mask::rwx,other::r--", 0674).status, 0);
  EXPECT_TRUE(rootfs_builder({"ls", text("i.img"), "/f"}).out.starts_with("-rw-rwxr--"));
  EXPECT_TRUE(is_clean(path("i.img")));
  // Back out and in again it is the same.
  ASSERT_EQ(rootfs_builder({"extract", text("i.img"), "-o", text("o.tar")}).status, 0);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("o.tar"), "-o", text("j.img")}).status, 0);
  EXPECT_EQ(rootfs_builder({"diff", "--files", text("i.img"), text("j.img")}).out, "");
  const auto refused = made_of("user::rw-,user:7:rwx,group::r--,other::r--", 0644);  // no mask
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(refused.err.contains("f: its ACL")) << refused.err;
}

// What is taken out as a tar is what GNU tar puts back: without a warning, and with the ACL, which it passes
// over as an attribute.
TEST_F(Strangers, GnuTarReadsWhatIsTakenOut) {
  NEEDS_PROGRAM("tar");
  const std::string acl =
      pax_record("SCHILY.acl.access", "user::rw-,user:7:rwx,group::r--,mask::rwx,other::r--");
  const std::string name =
      "gr\xc3\xb6\xc3\x9f"
      "e";  // of the pax header: the field has no room for what it means
  const std::string long_name = std::string(120, 'n') + name;
  std::string bytes = header("PaxHeaders/f", acl.size(), 'x') + padded(acl) + header("f", 3) + padded("abc");
  for (const auto& path : {name, long_name, std::string("e\xcc\x81"), std::string("\xff\xfe")}) {
    const std::string records = pax_record("hdrcharset", "BINARY") + pax_record("path", path);
    bytes += header("PaxHeaders/x", records.size(), 'x') + padded(records) + header("x", 700) +
             padded(std::string(700, 'x'));
  }
  write("t.tar", bytes + std::string(1024, '\0'));
  ASSERT_EQ(create("t.tar").status, 0);
  ASSERT_EQ(rootfs_builder({"extract", text("i.img"), "-o", text("o.tar")}).status, 0);
  fs::create_directory(path("gnu"));
  const auto taken = run({"tar", "--acls", "-C", text("gnu"), "-xf", text("o.tar")});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->status, 0) << taken->err;
  // Names whose form a reader might change keep the mark of bytes, which GNU tar mentions: two of the five.
  const std::string_view said = taken->err;
  const std::string warning = "hdrcharset";
  int times = 0;
  for (std::size_t at = said.find(warning); at != std::string_view::npos; at = said.find(warning, at + 1))
    ++times;
  EXPECT_EQ(times, 2) << said;
  for (const auto& path_of : {name, long_name, std::string("e\xcc\x81"), std::string("\xff\xfe")})
    EXPECT_EQ(bytes_of(path("gnu") / path_of), std::string(700, 'x')) << path_of;
  ASSERT_EQ(rootfs_builder({"create", "--from", text("o.tar"), "-o", text("j.img")}).status, 0);
  EXPECT_EQ(rootfs_builder({"diff", "--files", text("i.img"), text("j.img")}).out, "");
  if (geteuid() != 0) return;
  ASSERT_EQ(rootfs_builder({"create", "--from", text("gnu"), "-o", text("k.img")}).status, 0);
  EXPECT_TRUE(debugfs(path("k.img"), "ea_list /f").contains("system.posix_acl_access"));
}

// Where the descriptors' blocks are full, mke2fs has kept others for more.
TEST_F(Strangers, GrowsIntoTheBlocksKeptForDescriptors) {
  NEEDS_PROGRAM("mke2fs");
  write("big", std::string(6 << 20, 'b'));
  for (const char* features : {"", "^metadata_csum", "^64bit,^metadata_csum,^flex_bg"}) {
    fs::remove(path("g.img"));
    // Groups of 256 blocks of 1 KiB: 16 descriptors (32 with 32 bits) fill a block.
    std::vector<std::string> make = {"mke2fs", "-q", "-t",  "ext4", "-b",     "1024", "-g",
                                     "256",    "-N", "256", "-J",   "size=1", "-E",   "resize=40000"};
    if (*features) make.insert(make.end(), {"-O", features});
    make.insert(make.end(), {text("g.img"), std::string_view(features).contains("^64bit") ? "8000" : "4000"});
    const auto made = run(make);
    ASSERT_TRUE(made && made->status == 0) << features << made->err;
    for (const char* name : {"/one", "/two"}) {
      const auto grown = rootfs_builder({"inject", text("g.img"), text("big") + ":" + name, "--grow"});
      ASSERT_EQ(grown.status, 0) << features << ": " << grown.err;
      ASSERT_TRUE(is_clean(path("g.img"))) << features;
    }
    EXPECT_EQ(rootfs_builder({"cat", text("g.img"), "/two"}).out, bytes_of(path("big"))) << features;
  }
}

// What could not be written cannot be written back either, and need not be.
TEST_F(Strangers, AnEditInPlaceBeyondWhatAFileMayHold) {
  const std::string img =
      image_of({{.path = "a", .content = std::string(300'000, 'a')}}, {"--journal", "none"});
  write("big", std::string(200'000, 'b'));
  const std::string before = bytes_of(img);
  struct rlimit old {};
  getrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit low { 100'000, old.rlim_max };
  setrlimit(RLIMIT_FSIZE, &low);
  const auto outcome = rootfs_builder({"inject", img, text("big") + ":/b", "--in-place"});
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(outcome.status, 3) << outcome.err;
  EXPECT_TRUE(bytes_of(img) == before) << outcome.err;
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"big", "image.img", "input.tar"})) << outcome.err;
}

}  // namespace
}  // namespace cg
