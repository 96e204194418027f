// Every edit, in images of every layout, in both modes; what e2fsprogs then reads is what was wished.
#include <fcntl.h>
#include <sys/file.h>

#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/process.h"
#include "image/support/disks.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using image::Scheme;

const std::vector<TarEntry> small_system = {
    {.path = "usr/sbin", .type = 'd', .mode = 0755},
    {.path = "sbin", .type = 'l', .content = "usr/sbin"},
    {.path = "away", .type = 'l', .content = "/../../usr"},
    {.path = "etc/conf",
     .content = std::string(20000, 'c'),
     .mode = 0640,
     .uid = 7,
     .gid = 8,
     .xattrs = {{"user.note", "kept"}}},
    {.path = "etc/other", .type = 'h', .content = "etc/conf"},
    {.path = "tree/a/b", .content = "deep"},
    {.path = "tree/a/c", .type = 'l', .content = "/etc"},
    {.path = "tree/pipe", .type = 'p'},
};

struct How {
  Scheme scheme;
  bool in_place;
};

class Edit : public ImageCase, public testing::WithParamInterface<How> {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    std::ofstream(path("new")) << "the new bytes\n";
    const std::string raw = image_of(small_system, {"--size", "auto+2M"});
    offset_ = wrap_in_disk(raw, path("disk.img"), GetParam().scheme);
    fs::remove(raw);
    fs::create_symlink("disk.img", path("link.img"));
  }
  Outcome edit(std::vector<std::string> args) {
    args.insert(args.begin() + 1, text("link.img"));
    if (GetParam().in_place) args.push_back("--in-place");
    return rootfs_builder(args);
  }
  void expect_edited(const std::vector<std::string>& args) {
    const auto outcome = edit(args);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(is_clean(path("disk.img"), offset_));
    EXPECT_TRUE(fs::is_symlink(path("link.img")));
    EXPECT_EQ(names_in(path("")), files_);
  }
  void expect_refused(const std::vector<std::string>& args, std::string_view named, int status = 1) {
    const std::string before = bytes_of(path("disk.img"));
    const auto outcome = edit(args);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << outcome.err;
    EXPECT_TRUE(bytes_of(path("disk.img")) == before) << args[0];
    EXPECT_EQ(names_in(path("")), files_);
  }
  std::string ask(const std::string& request) { return debugfs(path("disk.img"), request, offset_); }
  bool says(const std::string& request, std::string_view part) { return ask(request).contains(part); }

  std::uint64_t offset_ = 0;
  std::vector<std::string> files_ = {"disk.img", "input.tar", "link.img", "new"};
};

TEST_P(Edit, Injects) {
  expect_edited({"inject", text("new") + ":/sbin/criu:4755:1:2", text("new") + ":/a/b/c/",
                 text("new") + ":/etc/conf", text("new") + ":/x\\:y"});
  EXPECT_EQ(ask("cat /usr/sbin/criu"), "the new bytes\n");
  EXPECT_TRUE(says("stat /usr/sbin/criu", "Mode:  04755") &&
              says("stat /usr/sbin/criu", "User:     1   Group:     2"));
  EXPECT_EQ(ask("cat /a/b/c/new"), "the new bytes\n");
  EXPECT_EQ(ask("cat /etc/conf"), "the new bytes\n");
  EXPECT_EQ(ask("cat /etc/other"), std::string(20000, 'c'));
  EXPECT_EQ(ask("cat /x:y"), "the new bytes\n");
}

TEST_P(Edit, ReplacesBytesAndKeepsAllElse) {
  expect_edited({"replace", text("new") + ":/etc/other"});
  EXPECT_EQ(ask("cat /etc/conf"), "the new bytes\n");
  EXPECT_TRUE(says("stat /etc/conf", "Mode:  0640") && says("stat /etc/conf", "User:     7   Group:     8") &&
              says("stat /etc/conf", "Links: 2"));
  EXPECT_TRUE(says("ea_list /etc/conf", "kept"));
  expect_refused({"replace", text("new") + ":/etc/missing"}, "/etc/missing");
}

TEST_P(Edit, Removes) {
  expect_refused({"remove", "/tree"}, "-r removes it");
  expect_refused({"remove", "/missing"}, "/missing");
  expect_refused({"remove", "/"}, "root");
  expect_refused({"remove", "-r", "/lost+found"}, "lost+found");
  expect_edited({"remove", "-r", "/tree", "/away", "/etc/conf"});
  EXPECT_TRUE(says("ls /", "etc") && !says("ls /", "tree") && !says("ls /", "away"));
  EXPECT_TRUE(says("stat /etc/other", "Links: 1"));
  EXPECT_TRUE(says("stat /", "Links: 5"));  // ., .., etc, usr, lost+found
}

TEST_P(Edit, MakesDirectoriesAndLinks) {
  expect_edited({"mkdir", "/sbin/new/deeper", "/etc", "--mode", "1777", "--owner", "3:4"});
  EXPECT_TRUE(says("stat /usr/sbin/new/deeper", "Mode:  01777") && says("stat /usr/sbin/new", "Mode:  0755"));
  EXPECT_TRUE(says("stat /etc", "User:     3   Group:     4"));
  expect_refused({"mkdir", "/etc/conf"}, "no directory");
  expect_edited({"symlink", "../target", "/sbin/link", "/made/for/it"});
  EXPECT_TRUE(says("stat /usr/sbin/link", "Fast link dest: \"../target\""));
  expect_edited({"symlink", std::string(200, 't'), "/sbin/link"});
  EXPECT_EQ(ask("cat /usr/sbin/link"), std::string(200, 't'));
  expect_refused({"symlink", "x", "/etc/conf"}, "no symbolic link");
  expect_refused({"symlink", "x", "/etc"}, "no symbolic link");
}

TEST_P(Edit, ChangesModesAndOwners) {
  expect_edited({"chmod", "4711", "/etc/conf", "/sbin"});
  EXPECT_TRUE(says("stat /etc/conf", "Mode:  04711") && says("stat /usr/sbin", "Mode:  04711") &&
              says("stat /sbin", "Type: symlink    Mode:  0644"));
  expect_edited({"chown", "70000:80000", "/etc/conf"});
  EXPECT_TRUE(says("stat /etc/conf", "User: 70000   Group: 80000"));
  expect_refused({"chmod", "999", "/etc"}, "octal", 2);
  expect_refused({"chown", "root", "/etc"}, "UID:GID", 2);
  expect_refused({"chmod", "755", "/tree/a/c/missing"}, "missing");
}

TEST_P(Edit, GrowsOrRefusesBeforeTheFirstWrite) {
  std::string big(9 << 20, 'B');
  std::ofstream(path("big"), std::ios::binary) << big << "end";
  files_.insert(files_.begin(), "big");
  expect_refused({"inject", text("big") + ":/sbin/big"}, "--grow");
  expect_edited({"inject", text("big") + ":/sbin/big", "--grow"});
  EXPECT_TRUE(ask("cat /usr/sbin/big") == big + "end");
  EXPECT_EQ(ask("cat /etc/conf"), std::string(20000, 'c'));
  EXPECT_EQ(fs::file_size(path("disk.img")) % (1 << 20), 0U);
  EXPECT_EQ(rootfs_builder({"verify", text("disk.img")}).status, 0)
      << rootfs_builder({"verify", text("disk.img")}).out;
  if (GetParam().scheme != Scheme::raw && find_program("sfdisk")) {
    const auto verified = run({"sfdisk", "--verify", text("disk.img")});
    EXPECT_TRUE(verified && verified->status == 0 && verified->out.contains("No errors"))
        << verified->out << verified->err;
  }
}

TEST_P(Edit, TheSameEditGivesTheSameBytes) {
  fs::copy_file(path("disk.img"), path("second.img"));
  files_ = {"disk.img", "input.tar", "link.img", "new", "second.img"};
  expect_edited({"remove", "-r", "/tree"});
  const std::string once = bytes_of(path("disk.img"));
  fs::rename(path("second.img"), path("disk.img"));
  files_.pop_back();
  expect_edited({"remove", "-r", "/tree"});
  EXPECT_TRUE(bytes_of(path("disk.img")) == once);
}

TEST_P(Edit, TwoEditorsTakeTurns) {
  std::vector<std::thread> editors;
  std::array<int, 4> statuses{};
  for (std::size_t i = 0; i < statuses.size(); ++i)
    editors.emplace_back([&, i] {
      statuses[i] = edit({"inject", text("new") + ":/by-" + std::to_string(i)}).status;
    });
  for (auto& editor : editors) editor.join();
  EXPECT_TRUE(is_clean(path("disk.img"), offset_));
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    EXPECT_EQ(statuses[i], 0);
    EXPECT_EQ(ask("cat /by-" + std::to_string(i)), "the new bytes\n");
  }
}

TEST_P(Edit, AnImageThatAMachineLocksIsLeftAlone) {
  const UniqueFd fd(open(path("disk.img").c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_start = 100;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(fd.get(), F_OFD_SETLK, &lock), 0);
  expect_refused({"inject", text("new") + ":/x"}, "in use");
}

INSTANTIATE_TEST_SUITE_P(Layouts, Edit,
                         testing::Values(How{Scheme::raw, false}, How{Scheme::raw, true},
                                         How{Scheme::mbr, false}, How{Scheme::gpt, true},
                                         How{Scheme::gpt, false}, How{Scheme::dax, true},
                                         How{Scheme::dax, false}),
                         [](const auto& info) {
                           return std::string(image::to_string(info.param.scheme)) +
                                  (info.param.in_place ? "InPlace" : "Copy");
                         });

// Images of other makers, with what mke2fs can be told to leave out or to put in.
class EditForeign : public ImageCase, public testing::WithParamInterface<const char*> {};

TEST_P(EditForeign, IsCleanAndHoldsWhatWasWished) {
  NEEDS_PROGRAM("mke2fs");
  fs::create_directories(path("tree/etc"));
  fs::create_directories(path("tree/many"));
  for (int i = 0; i < 200; ++i)
    std::ofstream(path("tree/many/a-file-with-a-long-name-" + std::to_string(i))) << i;
  std::ofstream(path("tree/etc/conf")) << std::string(200000, 'c');
  std::ofstream(path("new")) << "the new bytes\n";
  std::ofstream(path("big"), std::ios::binary) << std::string(24 << 20, 'B');
  for (const bool in_place : {false, true}) {
    std::vector<std::string> argv = {"mke2fs", "-q", "-F", "-d", text("tree")};
    std::istringstream options{std::string(GetParam())};
    for (std::string word; options >> word;) argv.push_back(word);
    argv.push_back(text("foreign.img"));
    argv.push_back("20M");
    const auto made = run(argv);
    ASSERT_TRUE(made && made->status == 0) << made->err;
    for (std::vector<std::string> args : std::vector<std::vector<std::string>>{
             {"inject", text("foreign.img"), text("new") + ":/etc/new", text("new") + ":/many/one-more",
              text("big") + ":/opt/big", "--grow"},
             {"remove", text("foreign.img"), "-r", "/many"},
             {"replace", text("foreign.img"), text("new") + ":/etc/conf"},
             {"mkdir", text("foreign.img"), "/m/n/o"},
             {"symlink", text("foreign.img"), std::string(90, 't'), "/m/link"}}) {
      if (in_place) args.push_back("--in-place");
      const auto outcome = rootfs_builder(args);
      const bool cannot_grow = std::string_view(GetParam()).contains("bigalloc") && args[0] == "inject";
      EXPECT_EQ(outcome.status, cannot_grow ? 1 : 0) << args[0] << outcome.err;
      ASSERT_TRUE(is_clean(path("foreign.img"))) << args[0];
    }
    EXPECT_EQ(debugfs(path("foreign.img"), "cat /etc/conf"), "the new bytes\n");
    EXPECT_EQ(debugfs(path("foreign.img"), "cat /m/link"), std::string(90, 't'));
    if (!std::string_view(GetParam()).contains("bigalloc")) {
      EXPECT_TRUE(debugfs(path("foreign.img"), "cat /opt/big") == std::string(24 << 20, 'B'));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Mke2fs, EditForeign,
                         testing::Values("-t ext4", "-t ext4 -b 1024", "-t ext4 -O ^metadata_csum",
                                         "-t ext4 -O ^64bit", "-t ext4 -O inline_data", "-t ext4 -O bigalloc",
                                         "-t ext4 -I 128", "-t ext3", "-t ext2",
                                         "-t ext4 -O ^has_journal,^dir_index", "-t ext4 -O ^flex_bg",
                                         "-t ext4 -O orphan_file", "-t ext4 -O metadata_csum_seed"));

class EditLarge : public ImageCase {};

// Full leaves are split on the way; e2fsck follows the index to every name.
TEST_F(EditLarge, AnIndexedDirectoryStaysIndexed) {
  NEEDS_PROGRAM("debugfs");
  std::ofstream(path("new")) << "new";
  std::vector<TarEntry> entries;
  for (int i = 0; i < 2000; ++i)
    entries.push_back({.path = "many/a-name-of-some-length-" + std::to_string(i)});
  const std::string img = image_of(entries, {"--size", "auto+4M"});
  std::vector<std::string> inject = {"inject", img};
  for (int i = 0; i < 500; ++i)
    inject.push_back(text("new") + ":/many/one-more-name-of-such-length-" + std::to_string(i));
  EXPECT_EQ(rootfs_builder({"mkdir", img, "/many/below"}).status, 0);
  EXPECT_EQ(rootfs_builder({"remove", img, "/many/a-name-of-some-length-7"}).status, 0);
  const auto outcome = rootfs_builder(inject);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(is_clean(img));
  EXPECT_TRUE(debugfs(img, "stat /many").contains("Flags: 0x81000"));  // extents, index
  EXPECT_FALSE(debugfs(img, "stat /many/one-more-name-of-such-length-499").contains("not found"));
}

class EditRefuses : public ImageCase {};

TEST_F(EditRefuses, FeaturesThatItCannotKeepUp) {
  NEEDS_PROGRAM("mke2fs");
  std::ofstream(path("new")) << "new";
  for (const char* feature : {"quota", "mmp", "ea_inode", "encrypt", "casefold"}) {
    const auto made = run({"mke2fs", "-q", "-F", "-t", "ext4", "-O", feature, text("image.img"), "16M"});
    ASSERT_TRUE(made && made->status == 0) << made->err;
    const std::string before = bytes_of(path("image.img"));
    const auto outcome = rootfs_builder({"inject", text("image.img"), text("new") + ":/x"});
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(feature)) << outcome.err;
    EXPECT_TRUE(bytes_of(path("image.img")) == before);
  }
}

TEST_F(EditRefuses, DamageThatItsOwnCountsShow) {
  NEEDS_PROGRAM("debugfs");
  const std::string img = image_of(small_system, {"--size", "8M"});
  std::ofstream(path("new")) << "new";
  ASSERT_TRUE(run({"debugfs", "-w", "-R", "set_super_value free_blocks_count 5", img}));
  const auto outcome = rootfs_builder({"inject", img, text("new") + ":/x"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("e2fsck -f")) << outcome.err;
}

TEST_F(EditRefuses, PartitionTablesThatMakeNoSense) {
  const std::string raw = image_of(small_system);
  const auto status_and_words = [&](const std::vector<std::string>& args) {
    const auto outcome = rootfs_builder(args);
    return std::to_string(outcome.status) + outcome.err;
  };
  wrap_in_disk(raw, path("mbr.img"), Scheme::mbr);
  EXPECT_TRUE(status_and_words({"ls", text("mbr.img"), "--partition", "2"})
                  .contains("has no partition 2; it has 1 (ext4"));
  EXPECT_TRUE(status_and_words({"ls", raw, "--partition", "1"}).contains("no partition table"));
  fs::resize_file(path("mbr.img"), fs::file_size(path("mbr.img")) / 2);
  EXPECT_TRUE(status_and_words({"ls", text("mbr.img")}).contains("cut short"));
  wrap_in_disk(raw, path("gpt.img"), Scheme::gpt);
  std::string gpt = bytes_of(path("gpt.img"));
  gpt[600] = 'x';  // the header's checksum is wrong now
  std::ofstream(path("gpt.img"), std::ios::binary) << gpt;
  EXPECT_EQ(rootfs_builder({"ls", text("gpt.img")}).status, 0);
  EXPECT_EQ(rootfs_builder({"verify", text("gpt.img")}).status, 1);
  gpt[gpt.size() - 512 + 20] = 'x';
  std::ofstream(path("gpt.img"), std::ios::binary) << gpt;
  EXPECT_TRUE(status_and_words({"ls", text("gpt.img")}).contains("both damaged"));
  wrap_in_disk(raw, path("dax.img"), Scheme::dax);
  std::string dax = bytes_of(path("dax.img"));
  dax[(2 << 20) + 446 + 8] ^= 1;
  std::ofstream(path("dax.img"), std::ios::binary) << dax;
  EXPECT_TRUE(rootfs_builder({"verify", text("dax.img")}).out.contains("do not agree"));
}

}  // namespace
}  // namespace cg
