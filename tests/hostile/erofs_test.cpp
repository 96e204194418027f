// EROFS file systems of mkfs.erofs with a few bytes changed, which the kernel would not mount or read.
#include <cstring>
#include <fstream>

#include "hostile/hostile_case.h"

namespace cg {
namespace {

constexpr std::size_t superblock = 1024;
constexpr std::uint64_t content_bytes = 12345;

class HostileErofs : public Hostile {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("mkfs.erofs");
    std::filesystem::create_directory(path("tree"));
    for (const char* name : {"a", "b", "c", "d", "e"})
      std::ofstream(path("tree") / name) << std::string(content_bytes, *name);
    const auto made =
        run({"mkfs.erofs", "--chunksize=4096", "-Eforce-inode-extended", text("e.img"), text("tree")});
    ASSERT_TRUE(made && made->status == 0);
    image_ = bytes_of(path("e.img"));
    put(superblock + 8, get<std::uint32_t>(superblock + 8) & ~1U);  // no checksum to keep
  }
  template <class T>
  T get(std::size_t at) const {
    T value;
    std::memcpy(&value, image_.data() + at, sizeof value);
    return value;
  }
  template <class T>
  void put(std::size_t at, T value) {
    std::memcpy(image_.data() + at, &value, sizeof value);
  }
  // The first of a file from there on; 0: none. Its layout is chunked.
  std::size_t inode(std::size_t from) const {
    for (std::size_t at = std::max(from, superblock + 128); at + 64 <= image_.size(); at += 32)
      if ((get<std::uint16_t>(at) & 0xf) == 9 && get<std::uint64_t>(at + 8) == content_bytes) return at;
    return 0;
  }
  void expect_refusal(std::string_view named) {
    std::ofstream(path("x.img"), std::ios::binary | std::ios::trunc) << image_;
    for (const auto& args : {std::vector<std::string>{"inspect", text("x.img")},
                             {"cat", text("x.img"), "/b"},
                             {"verify", text("x.img")}}) {
      const auto outcome = rootfs_builder(args);
      EXPECT_EQ(outcome.status, 1) << args[0] << outcome.err;
      EXPECT_TRUE((outcome.err + outcome.out).contains(named)) << args[0] << outcome.err << outcome.out;
      EXPECT_LT(outcome.out.size(), 4096U);
    }
  }
  std::string image_;
};

TEST_F(HostileErofs, IsReadAsItStands) {
  std::ofstream(path("x.img"), std::ios::binary) << image_;
  EXPECT_EQ(rootfs_builder({"cat", text("x.img"), "/b"}).out, std::string(content_bytes, 'b'));
}

TEST_F(HostileErofs, AFeatureThatIsNotKnown) {
  const auto features = get<std::uint32_t>(superblock + 80);
  put(superblock + 80, features | 0x80000000U);
  expect_refusal("incompatible feature 0x80000000");
  put(superblock + 80, features | 0x80U);
  expect_refusal("incompatible feature 48bit");
}

TEST_F(HostileErofs, ASizeBeyondTheFormat) {
  const std::size_t first = inode(0);
  ASSERT_NE(first, 0U);
  for (const std::uint64_t size : {UINT64_MAX, UINT64_MAX - 4094, (UINT64_C(1) << 44) + 1}) {
    put(first + 8, size);
    expect_refusal("damaged");
  }
}

// Inodes that share their table of chunks: each would take six times the image's size of memory.
TEST_F(HostileErofs, MoreChunksThanTheFileSystemHasRoomFor) {
  image_.resize(image_.size() + (4 << 20));
  std::size_t files = 0;
  for (std::size_t at = inode(0); at != 0; at = inode(at + 32), ++files)
    put(at + 8, std::uint64_t{(2 << 20) / 4} * 4096);
  ASSERT_EQ(files, 5U);
  expect_refusal("damaged");
}

}  // namespace
}  // namespace cg
