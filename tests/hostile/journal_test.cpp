// Undo journals that somebody else put beside an image, or that an edit left that was killed.
#include <ext2fs/ext2fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "hostile/hostile_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

constexpr uid_t nobody = 65534;

class Journal : public Hostile {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    image_of({{.path = "f", .content = old_}, {.path = "g"}});
    bytes_ = bytes_of(path("image.img"));
    write(journal_of(bytes_, bytes_.find(old_), new_));
  }
  static std::uint32_t crc(std::uint32_t value, std::string_view bytes) {
    return ext2fs_crc32c_le(value, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  template <class T>
  static void put(std::string& to, T value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  // Puts `text` there, over an image whose superblock is as it stands (docs/undo-journal.md).
  static std::string journal_of(const std::string& image, std::uint64_t at, const std::string& text) {
    std::string bytes = "CGUNDO1\n";
    put<std::uint64_t>(bytes, image.size());
    put<std::uint64_t>(bytes, 1024);
    for (int state = 0; state < 3; ++state)
      for (const std::size_t sector : {1024, 1536})
        put(bytes, crc(0xffffffff, std::string_view(image).substr(sector, 512)));
    put(bytes, at);
    put(bytes, static_cast<std::uint32_t>(text.size()));
    put<std::uint32_t>(bytes, 1);
    bytes += text;
    put<std::uint64_t>(bytes, crc(0xffffffff, bytes));
    put<std::uint64_t>(bytes, std::uint64_t{2} << 32);
    return bytes;
  }
  void write(const std::string& journal) {
    fs::remove(path(".image.img.undo"));
    std::ofstream(path(".image.img.undo"), std::ios::binary) << journal;
    chmod(path(".image.img.undo").c_str(), 0600);
  }
  // By who looks and by who edits; and nothing is touched.
  void expect_not_believed(std::string_view why) {
    for (const auto& args : {std::vector<std::string>{"ls", text("image.img")},
                             {"cat", text("image.img"), "/f"},
                             {"mkdir", text("image.img"), "/d"},
                             {"mkdir", text("image.img"), "/d", "--in-place"}}) {
      const auto outcome = rootfs_builder(args);
      EXPECT_EQ(outcome.status, 1) << args[0] << outcome.err;
      EXPECT_TRUE(outcome.err.contains(why)) << args[0] << outcome.err;
    }
    EXPECT_EQ(bytes_of(path("image.img")), bytes_);
    EXPECT_TRUE(fs::exists(fs::symlink_status(path(".image.img.undo"))));
  }

  const std::string old_ = std::string("the bytes that are there") + std::string(4096, '.');
  const std::string new_ = "bytes of the journal...!";
  std::string bytes_;
};

TEST_F(Journal, IsShownAndNotWrittenByWhoLooks) {
  for (const auto& [args, status] : {std::pair{std::vector<std::string>{"cat", text("image.img"), "/f"}, 0},
                                     {{"ls", text("image.img")}, 0},
                                     {{"inspect", text("image.img")}, 0},
                                     {{"extract", text("image.img"), "/f", "-o", text("out")}, 0},
                                     {{"verify", text("image.img")}, 1}}) {
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, status) << args[0] << outcome.err;
    EXPECT_TRUE(outcome.err.contains("was interrupted")) << args[0] << outcome.err;
    if (args[0] == "cat") {
      EXPECT_TRUE(outcome.out.starts_with(new_ + "....")) << outcome.out.substr(0, 60);
    }
    EXPECT_EQ(bytes_of(path("image.img")), bytes_) << args[0];
  }
  EXPECT_TRUE(bytes_of(path("out")).starts_with(new_ + "...."));
  // The next edit puts it back first, and says so.
  const auto edited = rootfs_builder({"mkdir", text("image.img"), "/"});
  EXPECT_EQ(edited.status, 0) << edited.err;
  EXPECT_TRUE(edited.err.contains("what it held before is put back")) << edited.err;
  EXPECT_FALSE(fs::exists(path(".image.img.undo")));
  EXPECT_TRUE(rootfs_builder({"cat", text("image.img"), "/f"}).out.starts_with(new_));
}

TEST_F(Journal, OfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(chown(path(".image.img.undo").c_str(), nobody, nobody), 0);
  expect_not_believed("of user 65534");
  // The image's owner is believed.
  ASSERT_EQ(chown(path("image.img").c_str(), nobody, nobody), 0);
  EXPECT_TRUE(rootfs_builder({"cat", text("image.img"), "/f"}).out.starts_with(new_));
}

TEST_F(Journal, ThatIsNoFileOfItsOwnerAlone) {
  chmod(path(".image.img.undo").c_str(), 0666);
  expect_not_believed("writable for others");
  fs::rename(path(".image.img.undo"), path("elsewhere"));
  chmod(path("elsewhere").c_str(), 0600);
  fs::create_symlink(path("elsewhere"), path(".image.img.undo"));
  expect_not_believed("a symbolic link");
  fs::remove(path(".image.img.undo"));
  ASSERT_EQ(mkfifo(path(".image.img.undo").c_str(), 0600), 0);
  expect_not_believed("no regular file");
}

TEST_F(Journal, WhereOthersCanExchangeIt) {
  chmod(path("").c_str(), 0777);
  expect_not_believed("others may exchange files");
  chmod(path("").c_str(), 01777);
  EXPECT_TRUE(rootfs_builder({"cat", text("image.img"), "/f"}).out.starts_with(new_));
  // An edit in place would leave one.
  fs::remove(path(".image.img.undo"));
  chmod(path("").c_str(), 0777);
  EXPECT_EQ(rootfs_builder({"mkdir", text("image.img"), "/d", "--in-place"}).status, 1);
  EXPECT_EQ(rootfs_builder({"mkdir", text("image.img"), "/d"}).status, 0);
}

TEST_F(Journal, OfAnotherImageOrDamaged) {
  std::string journal = bytes_of(path(".image.img.undo"));
  for (const std::size_t at : {std::size_t{30}, journal.size() - 20}) {
    std::string other = journal;
    other[at] = static_cast<char>(other[at] ^ 1);
    write(other);
    expect_not_believed(at == 30 ? "belongs to another image" : "damaged");
  }
}

}  // namespace
}  // namespace cg
