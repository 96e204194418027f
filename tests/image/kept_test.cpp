// What an edit or a look must not lose: boot code, holes, other names of links, counts that are none; and
// disks whose signatures contradict each other.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class Kept : public ImageCase {
 protected:
  void SetUp() override { NEEDS_PROGRAM("e2fsck"); }
  void patch(std::string_view name, std::uint64_t at, std::string_view bytes) {
    std::fstream file(path(name), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  std::uint64_t blocks_of(const fs::path& file) {
    struct stat info {};
    return stat(file.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : UINT64_MAX;
  }
};

TEST_F(Kept, BootCodeOfADiskThatGrows) {
  image_of({{.path = "etc/conf", .content = "x"}}, {"--form", "gpt"});
  const std::string code(440, 'B');
  patch("image.img", 0, code + "ID:)");
  std::mt19937 random(1);
  std::string noise(4 << 20, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  std::ofstream(path("big"), std::ios::binary) << noise;
  const auto grown = rootfs_builder({"inject", text("image.img"), text("big") + ":/big", "--grow"});
  ASSERT_EQ(grown.status, 0) << grown.err;
  const std::string bytes = bytes_of(path("image.img"));
  EXPECT_EQ(bytes.substr(0, 444), code + "ID:)");
  // The protective partition covers the disk as it is now.
  std::uint32_t sectors = 0;
  bytes.copy(reinterpret_cast<char*>(&sectors), 4, 446 + 12);
  EXPECT_EQ(sectors, bytes.size() / 512 - 1);
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "/big"}).out, noise);
  EXPECT_TRUE(is_clean(path("image.img"), 1 << 20));
  // With other entries, a hybrid table, not a byte of it changes.
  std::string hybrid = bytes.substr(446, 64);
  hybrid.replace(16, 16, std::string("\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x10\0\0", 16));
  patch("image.img", 446, hybrid);
  std::ofstream(path("big"), std::ios::binary | std::ios::app) << noise << noise;
  ASSERT_EQ(rootfs_builder({"inject", text("image.img"), text("big") + ":/more", "--grow"}).status, 0);
  EXPECT_EQ(bytes_of(path("image.img")).substr(446, 64), hybrid);
}

TEST_F(Kept, AFileSystemBesideAStaleSuperblock) {
  image_of({{.path = "old", .content = "x"}});
  const std::string stale = bytes_of(path("image.img")).substr(1024, 1024);
  image_of({{.path = "new", .content = "y"}}, {"--form", "kata"});
  patch("image.img", 1024, stale);
  std::ofstream(path("src")) << "z";
  const std::string before = bytes_of(path("image.img"));
  for (const auto& args : {std::vector<std::string>{"ls", text("image.img")},
                           {"inject", text("image.img"), text("src") + ":/src"}}) {
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_TRUE(outcome.err.contains("superblock of ext4 over the whole file") && outcome.err.contains("MBR"))
        << outcome.err;
  }
  EXPECT_EQ(bytes_of(path("image.img")), before);
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "/new", "--partition", "1"}).out, "y");
  const auto edited =
      rootfs_builder({"inject", text("image.img"), text("src") + ":/src", "--partition", "1", "--force"});
  EXPECT_EQ(edited.status, 0) << edited.err;
  EXPECT_TRUE(is_clean(path("image.img"), 1 << 20));
  EXPECT_EQ(bytes_of(path("image.img")).substr(1024, 1024), stale);
  // Two bytes of boot code are no superblock.
  patch("image.img", 1024, std::string(1024, 'c'));
  patch("image.img", 1080, "\x53\xef");
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "/new"}).out, "y");
}

TEST_F(Kept, AFileSystemBehindATableThatMakesNoSense) {
  image_of({{.path = "old", .content = "x"}});
  std::string sector(66, '\0');
  sector.replace(0, 16, std::string("\0\0\0\0\x83\0\0\0\0\x08\0\0\xff\xff\xff\x7f", 16));
  patch("image.img", 446, sector.substr(0, 64) + "\x55\xaa");
  EXPECT_EQ(rootfs_builder({"cat", text("image.img"), "/old"}).out, "x");
}

TEST_F(Kept, NamesOfALink) {
  fs::create_directory(path("t"));
  std::ofstream(path("t/t")) << "x";
  fs::create_symlink("t", path("t/s"));
  ASSERT_EQ(linkat(AT_FDCWD, path("t/s").c_str(), AT_FDCWD, path("t/h").c_str(), 0), 0);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("t"), "-o", text("image.img")}).status, 0);
  const auto extracted = rootfs_builder({"extract", text("image.img"), "/", "-o", text("out")});
  ASSERT_EQ(extracted.status, 0) << extracted.err;
  struct stat one {};
  struct stat other {};
  ASSERT_EQ(lstat(path("out/s").c_str(), &one), 0);
  ASSERT_EQ(lstat(path("out/h").c_str(), &other), 0);
  EXPECT_TRUE(S_ISLNK(one.st_mode));
  EXPECT_EQ(one.st_ino, other.st_ino);
}

TEST_F(Kept, HolesInEveryDirection) {
  fs::create_directory(path("t"));
  const std::uint64_t size = 300 << 20;
  std::ofstream(path("t/hole")) << "";
  fs::resize_file(path("t/hole"), size);
  std::ofstream(path("t/ends")) << "front";
  fs::resize_file(path("t/ends"), size - 4);
  std::ofstream(path("t/ends"), std::ios::app) << "back";
  ASSERT_EQ(
      rootfs_builder({"create", "--from", text("t"), "-o", text("image.img"), "--size", "auto+16M"}).status,
      0);
  ASSERT_EQ(rootfs_builder({"inject", text("image.img"), text("t/ends") + ":/in"}).status, 0);
  EXPECT_LE(blocks_of(path("image.img")), 32U << 20);
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "/", "-o", text("out")}).status, 0);
  for (const char* name : {"hole", "ends", "in"}) {
    EXPECT_EQ(fs::file_size(path("out") / name), size);
    EXPECT_LE(blocks_of(path("out") / name), 1U << 20) << name;
  }
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "/ends", "-o", text("one")}).status, 0);
  EXPECT_LE(blocks_of(path("one")), 1U << 20);
  // The tar, which GNU tar takes without a word, and an image made of it.
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "/", "-o", text("out.tar")}).status, 0);
  EXPECT_LE(fs::file_size(path("out.tar")), 1U << 20);
  if (find_program("tar")) {
    fs::create_directory(path("gnu"));
    const auto done = run({"tar", "-xf", text("out.tar"), "-C", text("gnu")});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->status, 0);
    EXPECT_EQ(done->err, "");
    EXPECT_EQ(fs::file_size(path("gnu/hole")), size);
    const auto same = run({"cmp", text("gnu/ends"), text("t/ends")});
    EXPECT_TRUE(same && same->status == 0);
  }
  ASSERT_EQ(rootfs_builder({"create", "--from", text("out.tar"), "-o", text("again.img")}).status, 0);
  EXPECT_EQ(rootfs_builder({"diff", "--files", text("image.img"), text("again.img")}).status, 0);
  ASSERT_EQ(rootfs_builder({"convert", text("image.img"), "--form", "kata", "-o", text("disk.img")}).status,
            0);
  EXPECT_LE(blocks_of(path("disk.img")), 16U << 20);
}

// 65,000 is the most that is counted; of a directory with more the count is 1, and stays so. The counts are
// set by hand: so many directories take long.
TEST_F(Kept, TheCountOfADirectoryOfMany) {
  NEEDS_PROGRAM("debugfs");
  image_of({{.path = "many/one", .type = 'd', .mode = 0755}});
  const auto counted_after = [&](int links, const std::string& more) {
    const auto set =
        run({"debugfs", "-w", "-R", "sif /many links_count " + std::to_string(links), text("image.img")});
    EXPECT_TRUE(set && set->status == 0);
    const auto made = rootfs_builder({"mkdir", text("image.img"), more});
    EXPECT_EQ(made.status, 0) << made.err;
    const std::string stat = debugfs(path("image.img"), "stat /many");
    return std::stoi(stat.substr(stat.find("Links: ") + 7));
  };
  EXPECT_EQ(counted_after(64999, "/many/a"), 65000);
  EXPECT_EQ(counted_after(65000, "/many/b"), 1);
  EXPECT_EQ(counted_after(1, "/many/c"), 1);
  EXPECT_EQ(counted_after(6, "/many/d"), 7);
  EXPECT_EQ(counted_after(6, "/many/e"), 7);
  EXPECT_EQ(counted_after(8, "/many/e/f"), 8);
  EXPECT_TRUE(is_clean(path("image.img")));
}

}  // namespace
}  // namespace cg
