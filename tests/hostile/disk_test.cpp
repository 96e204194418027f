// Damaged disks: partition tables with every byte changed in turn, disks cut short, directories that lie in
// themselves. Looking and editing end in an answer or an error, and a refused edit changes nothing.
#include <fstream>
#include <random>

#include "hostile/hostile_case.h"
#include "image/support/disks.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using image::Scheme;

class HostileDisk : public Hostile, public testing::WithParamInterface<Scheme> {
 protected:
  // The commands that look, and an edit in one of its modes: none crashes or leaves a file, and what refuses
  // to edit leaves the image.
  void expect_sane(const std::string& bytes, const std::string& what) {
    std::ofstream(path("disk.img"), std::ios::binary | std::ios::trunc) << bytes;
    const auto before = names_in(path(""));
    for (const auto& args : std::vector<std::vector<std::string>>{{"inspect", text("disk.img")},
                                                                  {"ls", "-R", text("disk.img")},
                                                                  {"cat", text("disk.img"), "/etc/conf"}}) {
      const auto outcome = rootfs_builder(args);
      EXPECT_TRUE(outcome.status == 0 || outcome.status == 1 || outcome.status == 3)
          << what << outcome.status;
      EXPECT_TRUE(outcome.status == 0 || outcome.err.contains("disk.img")) << what << outcome.err;
    }
    std::vector<std::string> args = {"inject", text("disk.img"), text("new") + ":/sbin/new"};
    static constexpr const char* modes[] = {"", "--in-place", "--grow"};
    if (const char* const mode = modes[edits_++ % 3]; *mode) args.push_back(mode);
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(names_in(path("")), before) << what;
    if (outcome.status != 0)
      EXPECT_TRUE(bytes_of(path("disk.img")) == bytes) << what;
    else
      EXPECT_EQ(rootfs_builder({"cat", text("disk.img"), "/sbin/new"}).out, "new") << what;
  }

  void SetUp() override {
    Hostile::SetUp();
    ASSERT_EQ(create({{.path = "etc/conf", .content = "conf"}}, {"--journal", "none"}).status, 0);
    wrap_in_disk(path("image.img"), path("disk.img"), GetParam());
    std::ofstream(path("new")) << "new";
    good_ = bytes_of(path("disk.img"));
  }
  std::string good_;
  std::size_t edits_ = 0;
};

TEST_P(HostileDisk, DamagedTables) {
  std::mt19937 random(11);
  std::vector<std::size_t> places;
  // The record's table, the GPT and its first entries, the DAX superblock and table, the GPT's copy.
  for (std::size_t at = 440; at < 600; at += 3) places.push_back(at);
  for (std::size_t at = 1024; at < 1090; at += 5) places.push_back(at);
  if (GetParam() == Scheme::dax)
    for (std::size_t at = 0; at < 80; at += 5) places.insert(places.end(), {4096 + at, (2 << 20) + 440 + at});
  for (std::size_t at = 1; at < 512; at += 31) places.push_back(good_.size() - at);
  for (const std::size_t at : places) {
    std::string bad = good_;
    bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1U << random() % 8));
    expect_sane(bad, "byte " + std::to_string(at) + ": ");
    if (HasFailure()) return;
  }
}

TEST_P(HostileDisk, CutShort) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{1100},
        std::size_t{5000}, std::size_t{1} << 20, (std::size_t{1} << 20) + 1030, (std::size_t{2} << 20) + 100,
        good_.size() / 2, good_.size() - 1})
    expect_sane(good_.substr(0, std::min(size, good_.size())), "cut to " + std::to_string(size) + ": ");
}

INSTANTIATE_TEST_SUITE_P(Schemes, HostileDisk, testing::Values(Scheme::mbr, Scheme::gpt, Scheme::dax),
                         [](const auto& info) { return std::string(to_string(info.param)); });

// What is written to the one would be read from the other.
TEST_F(Hostile, PartitionsThatOverlap) {
  ASSERT_EQ(create({{.path = "etc/conf", .content = "conf"}}, {"--journal", "none"}).status, 0);
  wrap_in_disk(path("image.img"), path("disk.img"), Scheme::mbr);
  constexpr std::size_t first = 446, size = 16, start = 8;  // of an entry; its first sector, little-endian
  std::string bytes = bytes_of(path("disk.img"));
  for (const bool overlaps : {true, false}) {
    std::string changed = bytes;
    changed.replace(first + size, size, changed.substr(first, size));
    if (overlaps) {
      changed[first + size + start] = static_cast<char>(changed[first + start] + 1);
      changed[first + size + start + 4] = 1;
      changed.replace(first + size + start + 5, 3, 3, '\0');
    } else {
      changed.replace(first + size + start, 4, std::string("\1\0\0\0", 4));  // in front of the first
      changed.replace(first + size + start + 4, 4, std::string("\1\0\0\0", 4));
    }
    std::ofstream(path("disk.img"), std::ios::binary | std::ios::trunc) << changed;
    const auto outcome = rootfs_builder({"ls", "--partition", "1", text("disk.img")});
    EXPECT_EQ(outcome.err.contains("partitions 1 and 2 overlap"), overlaps) << outcome.err;
    EXPECT_TRUE(bytes_of(path("disk.img")) == changed);
  }
}

// Which of two is meant, only the caller knows; an edit of the wrong one is lost data.
TEST_F(Hostile, SeveralFileSystemsOnOneDisk) {
  ASSERT_EQ(create({{.path = "etc/conf", .content = "conf"}}, {"--journal", "none"}).status, 0);
  const auto at = wrap_in_disk(path("image.img"), path("disk.img"), Scheme::mbr);
  const std::string system = bytes_of(path("image.img"));
  std::string bytes = bytes_of(path("disk.img"));
  constexpr std::size_t first = 446, size = 16, start = 8;
  bytes.replace(first + size, size, bytes.substr(first, size));
  const std::size_t second = (bytes.size() + (1 << 20) - 1) >> 20 << 20;
  bytes.resize(second + system.size());
  bytes.replace(second, system.size(), system);
  for (std::size_t i = 0; i < 4; ++i)
    bytes[first + size + start + i] = static_cast<char>(second / 512 >> 8 * i & 0xff);
  ASSERT_NE(at, second);
  std::ofstream(path("disk.img"), std::ios::binary | std::ios::trunc) << bytes;
  std::ofstream(path("new")) << "new";
  const std::string put = text("new") + ":/new";
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"ls", text("disk.img")}, {"inject", text("disk.img"), put}}) {
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_TRUE(outcome.err.contains("several partitions hold a file system: 1 (")) << outcome.err;
  }
  EXPECT_TRUE(bytes_of(path("disk.img")) == bytes);
  EXPECT_EQ(rootfs_builder({"inject", text("disk.img"), put, "--partition", "2"}).status, 0);
  EXPECT_EQ(rootfs_builder({"cat", text("disk.img"), "/new", "--partition", "2"}).out, "new");
  EXPECT_EQ(rootfs_builder({"cat", text("disk.img"), "/new", "--partition", "1"}).status, 1);
}

// Which copy of a GPT is whole, its checksums tell; both leave room for the other.
TEST_F(Hostile, OneCopyOfAGptIsDamaged) {
  ASSERT_EQ(create({{.path = "etc/conf", .content = "conf"}}, {"--form", "gpt"}).status, 0);
  const std::string good = bytes_of(path("image.img"));
  constexpr std::size_t sector = 512, entries = 32 * sector, last_usable = 48, first = 32;
  const std::size_t copy = good.size() - sector, copied = copy - entries;
  for (const std::size_t header : {sector, copy}) {
    std::uint64_t last = 0;
    for (std::size_t i = 8; i-- > 0;)
      last = last << 8 | static_cast<unsigned char>(good[header + last_usable + i]);
    EXPECT_EQ(last, copied / sector - 1) << header;
  }
  const auto seen = [&](const std::vector<std::size_t>& tables) {
    std::string bytes = good;
    for (const std::size_t table : tables) bytes[table + first] = static_cast<char>(bytes[table + first] ^ 8);
    std::ofstream(path("image.img"), std::ios::binary | std::ios::trunc) << bytes;
    return rootfs_builder({"cat", text("image.img"), "/etc/conf"});
  };
  EXPECT_EQ(seen({2 * sector}).out, "conf");
  EXPECT_EQ(seen({copied}).out, "conf");
  const auto neither = seen({2 * sector, copied});
  EXPECT_EQ(neither.status, 1) << neither.out;
  EXPECT_TRUE(neither.err.contains("image.img")) << neither.err;
}

// Entries of a directory that lead to a directory above it.
TEST_F(Hostile, DirectoriesInThemselvesEnd) {
  NEEDS_PROGRAM("debugfs");
  ASSERT_EQ(create({{.path = "a/b/c", .content = "c"}}).status, 0);
  for (const char* name : {"/a/b/up", "/a/b/again"})
    ASSERT_TRUE(run_checked({"debugfs", "-w", "-R", std::string("link /a ") + name, text("image.img")}));
  const std::string bad = bytes_of(path("image.img"));
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"ls", "-R", text("image.img")},
                                             {"extract", text("image.img"), "-o", text("out")},
                                             {"remove", "-r", text("image.img"), "/a"}}) {
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 1) << args[0] << outcome.err;
    EXPECT_TRUE(outcome.err.contains("more than one place")) << outcome.err;
  }
  EXPECT_TRUE(bytes_of(path("image.img")) == bad);
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"image.img", "input.tar"}));
}

}  // namespace
}  // namespace cg
