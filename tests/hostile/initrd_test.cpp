// Initrds made to do harm: one clear error, naming the place, and nothing left behind; an edit leaves the old
// bytes.
#include <fmt/format.h>

#include <fstream>
#include <random>

#include "compress/encoder.h"
#include "image/support/cpio_bytes.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class HostileInitrd : public ImageCase {
 protected:
  void SetUp() override { std::ofstream(path("new")) << "new"; }
  void write(std::string_view bytes) {
    std::ofstream(path("initrd"), std::ios::binary | std::ios::trunc) << bytes;
  }
  std::vector<std::vector<std::string>> commands() {
    return {{"ls", "-R", text("initrd")},
            {"cat", text("initrd"), "/good"},
            {"inspect", text("initrd")},
            {"verify", text("initrd")},
            {"extract", text("initrd"), "-o", text("out")},
            {"convert", text("initrd"), "--form", "initrd", "-o", text("converted")},
            {"convert", text("initrd"), "-o", text("disk.img")},
            {"inject", text("initrd"), text("new") + ":/x"},
            {"inject", text("initrd"), text("new") + ":/x", "--in-place"},
            {"remove", text("initrd"), "/good", "--repack"}};
  }
  void expect_refused(std::string_view bytes, std::string_view named) {
    write(bytes);
    for (const auto& args : commands()) {
      const auto outcome = rootfs_builder(args);
      EXPECT_EQ(outcome.status, 1) << args[0] << ": " << outcome.err;
      EXPECT_TRUE(outcome.err.contains(named)) << args[0] << ": " << outcome.err;
      EXPECT_TRUE(bytes_of(path("initrd")) == bytes) << args[0];
      EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"initrd", "new"})) << args[0];
    }
  }
  static std::string packed(Codec codec, std::string_view bytes) {
    std::string out;
    const auto sink = [&](std::span<const std::byte> piece) -> Result<void> {
      out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      return {};
    };
    auto encoder = Encoder::make(codec);
    EXPECT_TRUE((*encoder)->put(std::as_bytes(std::span(bytes)), sink));
    EXPECT_TRUE((*encoder)->finish(sink));
    return out;
  }
  const std::string good_ = cpio_entry("good", cpio_file, "good");
};

TEST_F(HostileInitrd, Truncated) {
  const std::string whole = good_ + cpio_entry("more", cpio_file, std::string(300, 'm')) + cpio_end();
  for (const std::size_t cut : {good_.size() + 20, good_.size() + 112, good_.size() + 200})
    expect_refused(whole.substr(0, cut), fmt::format("at {}: ", good_.size()));
  for (const Codec codec : {Codec::gzip, Codec::xz, Codec::zstd, Codec::lzma}) {
    const std::string pressed = packed(codec, whole);
    expect_refused(pressed.substr(0, pressed.size() - 12), to_string(codec));
  }
}

TEST_F(HostileInitrd, AbsurdSizes) {
  expect_refused(good_ + cpio_entry("huge", cpio_file, "data", {.size = 0xfffffff0}) + cpio_end(), "huge");
  std::string name = cpio_entry("name");
  name.replace(94, 8, "FFFFFFFF");
  expect_refused(good_ + name + cpio_end(), "name has 4294967295 bytes");
  name.replace(94, 8, "00000F00");
  expect_refused(good_ + name + cpio_end(), "name is cut short");
  name.replace(94, 8, "00000000");
  expect_refused(good_ + name + cpio_end(), "without a name");
}

TEST_F(HostileInitrd, Names) {
  for (const char* const name : {"../escape", "a/../../escape", ".."})
    expect_refused(good_ + cpio_entry(name) + cpio_end(), "..");
  expect_refused(good_ + cpio_entry("") + cpio_end(), "without a name");
  expect_refused(good_ + cpio_entry(std::string(256, 'n')) + cpio_end(), "255");
  std::string endless = cpio_entry("abcde");  // 110 + 6: no padding follows
  endless[115] = 'f';
  expect_refused(good_ + endless + cpio_end(), "does not end");
  std::string twice = cpio_entry("abcde");
  twice[112] = '\0';
  expect_refused(good_ + twice + cpio_end(), "behind the end");
  // A link cannot lead what lies below it out of the root.
  write(cpio_entry("etc", cpio_directory) + cpio_entry("out", cpio_link, "../../../../etc") +
        cpio_entry("/out/criu-guest-hostile", cpio_file, "in") + cpio_end());
  EXPECT_EQ(rootfs_builder({"cat", text("initrd"), "/etc/criu-guest-hostile"}).out, "in");
  ASSERT_EQ(rootfs_builder({"extract", text("initrd"), "-o", text("out")}).status, 0);
  EXPECT_TRUE(fs::exists(path("out/etc/criu-guest-hostile")));
  EXPECT_FALSE(fs::exists("/etc/criu-guest-hostile"));
}

TEST_F(HostileInitrd, OtherThingsInTheMiddle) {
  expect_refused(good_ + "junk" + cpio_end(), fmt::format("at {}: neither", good_.size()));
  expect_refused(good_ + "0junk" + std::string(200, 'x') + cpio_end(), "magic");
  expect_refused(good_ + "070707" + std::string(200, '0'), "old portable");
  std::string digits = cpio_entry("x");
  digits[20] = 'g';
  expect_refused(good_ + digits + cpio_end(), "hexadecimal");
  expect_refused(good_ + cpio_end() + std::string(2, '\0') + cpio_entry("x") + cpio_end(), "multiple of 4");
  expect_refused(packed(Codec::gzip, good_ + "junk" + cpio_end()), "magic");
  // Compressed in a compressed archive is junk to the kernel.
  expect_refused(packed(Codec::gzip, good_ + packed(Codec::gzip, cpio_end())), "magic");
  expect_refused(good_ + cpio_end() + "\x04\x22\x4d\x18" + std::string(20, 'x'), "lz4 -l");
  expect_refused(good_ + cpio_end() + std::string("\x89LZO\0\r\n\x1a\n", 9) + std::string(20, 'x'),
                 "the lzop data is");
}

TEST_F(HostileInitrd, SumsAndLinks) {
  expect_refused(cpio_entry("good", cpio_file, "good", {.sum = 1, .with_sum = true}) + cpio_end(),
                 "checksum");
  write(cpio_entry("good", cpio_file, "good", {.sum = 'g' + 'o' + 'o' + 'd', .with_sum = true}) + cpio_end());
  EXPECT_EQ(rootfs_builder({"verify", text("initrd")}).status, 0);
  write(cpio_entry("a", cpio_file, "one", {.inode = 9, .links = 2}) +
        cpio_entry("b", cpio_file, "other", {.inode = 9, .links = 2}) + cpio_end());
  const auto verified = rootfs_builder({"verify", text("initrd")});
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.out.contains("b: another name of /a, but with 5 bytes and not 3")) << verified.out;
  write(cpio_entry("loop", cpio_link, "loop") + cpio_entry("loop/below") + cpio_end());
  EXPECT_EQ(rootfs_builder({"verify", text("initrd")}).status, 1);
  EXPECT_TRUE(rootfs_builder({"cat", text("initrd"), "/loop"}).err.contains("a loop"));
}

TEST_F(HostileInitrd, NoTrailer) {
  write(good_);
  const auto verified = rootfs_builder({"verify", text("initrd")});
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.out.contains("TRAILER!!!")) << verified.out;
  EXPECT_EQ(rootfs_builder({"cat", text("initrd"), "/good"}).out, "good");
}

TEST_F(HostileInitrd, Bombs) {
  const std::string zeros(80 << 20, '\0');
  const std::string bomb = good_ + cpio_entry("bomb", cpio_file, zeros) + cpio_end();
  for (const Codec codec : {Codec::gzip, Codec::zstd}) {
    write(packed(codec, bomb));
    const auto outcome = rootfs_builder({"ls", text("initrd")});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.err.contains("bomb")) << outcome.err;
  }
}

// Random damage: an answer or a refusal, never anything else, and the old bytes when it is refused.
TEST_F(HostileInitrd, RandomDamage) {
  std::string plain = cpio_entry(".", cpio_directory) + cpio_entry("etc", cpio_directory) +
                      cpio_entry("etc/a", cpio_file, "aaaa", {.inode = 5, .links = 2}) +
                      cpio_entry("etc/b", cpio_file, "", {.inode = 5, .links = 2}) +
                      cpio_entry("l", cpio_link, "etc") +
                      cpio_entry("l/c", cpio_file, std::string(100, 'c')) + good_ + cpio_end();
  std::mt19937 random(11);
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bytes = i % 3 == 0 ? packed(Codec::gzip, plain) : plain;
    for (auto n = random() % 3 + 1; n > 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
    write(bytes);
    const auto& all = commands();
    const auto& args = all[static_cast<std::size_t>(i) % all.size()];
    const auto outcome = rootfs_builder(args);
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1) << outcome.status << outcome.err;
    if (outcome.status == 1) {
      ++refused;
      EXPECT_FALSE(outcome.err.empty() && outcome.out.empty());
      EXPECT_TRUE(bytes_of(path("initrd")) == bytes);
    }
    for (const auto& name : names_in(path("")))
      if (name != "initrd" && name != "new") {
        EXPECT_FALSE(name.starts_with('.')) << name;
        fs::remove_all(path(name));
      }
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace cg
