// EROFS extension images: made by mkfs.erofs, looked into here, and never changed.
#include <fmt/format.h>

#include <fstream>
#include <random>

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

struct Shape {
  const char* form;
  bool verity;
  const char* compression;
};

class Erofs : public ImageCase, public testing::WithParamInterface<Shape> {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("mkfs.erofs");
    if (geteuid() != 0) GTEST_SKIP() << "only root makes devices and owners";
    write_tar_file(path("input.tar"), entries());
  }
  static std::vector<TarEntry> entries() {
    std::string large;
    for (int i = 0; i < 40000; ++i) large += fmt::format("line {}\n", i);
    return {{.path = "usr/bin/tool", .content = large, .mode = 04755, .uid = 70000, .gid = 4},
            {.path = "usr/bin/same", .type = 'h', .content = "usr/bin/tool"},
            {.path = "etc/conf", .content = "conf", .xattrs = {{"user.a", "b"}, {"security.c", "d"}}},
            {.path = "etc/block", .content = std::string(8192, 'b')},
            {.path = "etc/empty"},
            {.path = "etc/link", .type = 'l', .content = "../usr/bin/tool", .mode = 0777},
            {.path = "dev/tty", .type = 'c', .mode = 0666, .major = 5, .minor = 300},
            {.path = "run/pipe", .type = 'p', .mode = 0600}};
  }
  Outcome make(const std::string& output) {
    std::vector<std::string> args = {"create",     "--from",        text("input.tar"),
                                     "--form",     GetParam().form, "-o",
                                     text(output), "--compress",    GetParam().compression};
    if (GetParam().verity) args.emplace_back("--verity");
    return rootfs_builder(args);
  }
};

TEST_P(Erofs, HoldsWhatWentIn) {
  const auto made = make("e.img");
  ASSERT_EQ(made.status, 0) << made.err;
  const auto verified = rootfs_builder({"verify", text("e.img")});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_TRUE(verified.out.contains("fsck.erofs is clean")) << verified.out;
  EXPECT_EQ(verified.out.contains("root hash"), GetParam().verity) << verified.out;
  EXPECT_EQ(fs::exists(text("e.img") + ".root_hash.txt"), GetParam().verity);
  const std::string bytes = bytes_of(path("e.img"));
  const bool disk = std::string_view(GetParam().form) == "kata-erofs";
  EXPECT_EQ(bytes.substr((disk ? 1 << 20 : 0) + 1024, 4), "\xe2\xe1\xf5\xe0");  // where Kata looks for it
  EXPECT_TRUE(rootfs_builder({"inspect", text("e.img")}).out.contains(disk ? "MBR disk" : "form      erofs"));

  EXPECT_EQ(rootfs_builder({"cat", text("e.img"), "/etc/link"}).out, entries()[0].content);
  EXPECT_EQ(rootfs_builder({"cat", text("e.img"), "/etc/conf", "/etc/block"}).out,
            "conf" + std::string(8192, 'b'));
  // The files and all that is known of them, next to an ext4 image of the same input; times are the build's.
  ASSERT_EQ(rootfs_builder({"create", "--from", text("input.tar"), "-o", text("x.img")}).status, 0);
  const auto diff = rootfs_builder({"diff", "--files", "--most", "0", text("x.img"), text("e.img")});
  std::istringstream lines(diff.out);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.contains("time") || line.starts_with("/lost+found") || line.starts_with("/: names"))
        << line;
  EXPECT_TRUE(diff.err.empty()) << diff.err;

  ASSERT_EQ(rootfs_builder({"extract", text("e.img"), "-o", text("out")}).status, 0);
  EXPECT_EQ(bytes_of(path("out/usr/bin/same")), entries()[0].content);
  ASSERT_EQ(rootfs_builder({"convert", text("e.img"), "-o", text("back.img")}).status, 0);
  EXPECT_TRUE(is_clean(path("back.img")));
}

TEST_P(Erofs, IsMadeTwiceAlikeAndLeavesNothingBehind) {
  ASSERT_EQ(make("a.img").status, 0);
  ASSERT_EQ(make("b.img").status, 0);
  EXPECT_TRUE(bytes_of(path("a.img")) == bytes_of(path("b.img")));
  for (const auto& name : names_in(path(""))) EXPECT_FALSE(name.starts_with('.')) << name;
}

TEST_P(Erofs, IsNotEdited) {
  ASSERT_EQ(make("e.img").status, 0);
  const std::string before = bytes_of(path("e.img"));
  for (const char* const more : {"--in-place", "--grow"}) {
    const auto refused = rootfs_builder({"mkdir", text("e.img"), "/x", more});
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(refused.err.contains(fmt::format("--form {}", GetParam().form))) << refused.err;
  }
  EXPECT_TRUE(bytes_of(path("e.img")) == before);
}

INSTANTIATE_TEST_SUITE_P(Forms, Erofs,
                         testing::Values(Shape{"erofs", false, "none"}, Shape{"erofs", false, "lz4hc"},
                                         Shape{"kata-erofs", false, "none"},
                                         Shape{"kata-erofs", true, "lz4hc"}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.form) + info.param.compression;
                           std::erase(name, '-');
                           return name + (info.param.verity ? "Verity" : "");
                         });

class ErofsInput : public ImageCase {};

TEST_F(ErofsInput, WishesThatItCannotFulfil) {
  write_tar_file(path("input.tar"), {{.path = "a"}});
  const auto create = [&](std::vector<std::string> more) {
    std::vector<std::string> args = {"create", "--from", text("input.tar"), "-o", text("e.img")};
    args.insert(args.end(), more.begin(), more.end());
    return rootfs_builder(args);
  };
  EXPECT_EQ(create({"--form", "erofs", "--verity"}).status, 2);
  EXPECT_EQ(create({"--form", "erofs", "--size", "64M"}).status, 2);
  EXPECT_EQ(create({"--form", "erofs", "--compress", "gzip"}).status, 2);
  // Without mkfs.erofs: which package has it.
  const std::string path_before = std::getenv("PATH");
  setenv("PATH", text("").c_str(), 1);
  const auto missing = create({"--form", "erofs"});
  setenv("PATH", path_before.c_str(), 1);
  EXPECT_EQ(missing.status, 3);
  EXPECT_TRUE(missing.err.contains("erofs-utils")) << missing.err;
  EXPECT_EQ(names_in(path("")), std::vector<std::string>{"input.tar"});
}

TEST_F(ErofsInput, DamageIsRefusedOrSeen) {
  NEEDS_PROGRAM("mkfs.erofs");
  std::vector<TarEntry> entries;
  for (int i = 0; i < 40; ++i)
    entries.push_back({.path = fmt::format("d{}/file", i % 7) + std::to_string(i),
                       .content = std::string(static_cast<std::size_t>(i) * 300, 'x'),
                       .xattrs = {{"user.a", "b"}}});
  write_tar_file(path("input.tar"), entries);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("input.tar"), "--form", "erofs", "--compress", "none",
                            "-o", text("good.img")})
                .status,
            0);
  const std::string good = bytes_of(path("good.img"));
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = good;
    for (auto n = random() % 8 + 1; n > 0; --n)
      bytes[1024 + random() % (bytes.size() - 1024) % 16384] = static_cast<char>(random());
    std::ofstream(path("bad.img"), std::ios::binary | std::ios::trunc) << bytes;
    const auto outcome = i % 2 ? rootfs_builder({"ls", "-R", text("bad.img")})
                               : rootfs_builder({"extract", text("bad.img"), "-o", text("out.tar")});
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1) << outcome.status << outcome.err;
    fs::remove(path("out.tar"));
  }
  std::string bytes = good;
  bytes[1024 + 32] ^= 1;  // build time
  std::ofstream(path("bad.img"), std::ios::binary | std::ios::trunc) << bytes;
  EXPECT_EQ(rootfs_builder({"verify", text("bad.img")}).status, 1);
}

}  // namespace
}  // namespace cg
