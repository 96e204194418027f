// Every form an image is made in: other programs find their way through it, and an edit keeps it.
#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

std::uint64_t number_at(const std::string& bytes, std::size_t at, int size) {
  std::uint64_t value = 0;
  for (int i = size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

struct Shape {
  const char* form;
  bool verity;
  std::uint64_t offset;
};

class Form : public ImageCase, public testing::WithParamInterface<Shape> {
 protected:
  void SetUp() override { NEEDS_PROGRAM("e2fsck"); }
  std::string make(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--form", GetParam().form});
    if (GetParam().verity) more.emplace_back("--verity");
    return image_of({{.path = "usr/bin/tool", .content = std::string(100000, 't'), .mode = 0755},
                     {.path = "etc/conf", .content = "c"}},
                    more);
  }
  // Whether veritysetup, which knows nothing of us, confirms the root hash that we wrote.
  testing::AssertionResult veritysetup_agrees(const std::string& image) {
    if (!find_program("veritysetup")) return testing::AssertionSuccess() << "veritysetup is not installed";
    const std::string disk = bytes_of(image);
    const bool gpt = std::string_view(GetParam().form) == "gpt";
    const auto entry = [&](std::size_t number) -> std::pair<std::uint64_t, std::uint64_t> {
      if (gpt)
        return {number_at(disk, 1024 + number * 128 + 32, 8),
                number_at(disk, 1024 + number * 128 + 40, 8) + 1};
      const std::uint64_t start = number_at(disk, 446 + number * 16 + 8, 4);
      return {start, start + number_at(disk, 446 + number * 16 + 12, 4)};
    };
    for (const std::size_t number : {0U, 1U})
      std::ofstream(path("p" + std::to_string(number)), std::ios::binary | std::ios::trunc)
          << disk.substr(entry(number).first * 512, (entry(number).second - entry(number).first) * 512);
    std::map<std::string, std::string> values;
    std::istringstream line(bytes_of(image + ".root_hash.txt"));
    for (std::string field; std::getline(line, field, ',');)
      values[field.substr(0, field.find('='))] = field.substr(field.find('=') + 1);
    const auto done =
        run({"veritysetup", "verify", text("p0"), text("p1"), values["root_hash"], "--no-superblock",
             "--salt", values["salt"], "--data-blocks", values["data_blocks"], "--data-block-size",
             values["data_block_size"], "--hash-block-size", "4096", "--format", "1", "--hash", "sha256"});
    if (!done || done->status != 0) return testing::AssertionFailure() << done->out << done->err;
    return testing::AssertionSuccess();
  }
};

TEST_P(Form, IsWhatOthersExpect) {
  const std::string img = make();
  EXPECT_TRUE(is_clean(img, GetParam().offset));
  EXPECT_EQ(debugfs(img, "cat /etc/conf", GetParam().offset), "c");
  const auto verified = rootfs_builder({"verify", img});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  if (std::string_view(GetParam().form).starts_with("kata")) {
    EXPECT_EQ(fs::file_size(img) % (128 << 20), 0U);
  }
  if (std::string_view(GetParam().form) != "ext4" && find_program("sfdisk")) {
    const auto table = run({"sfdisk", "--verify", img});
    EXPECT_TRUE(table && table->status == 0) << table->out << table->err;
  }
  if (std::string_view(GetParam().form) == "kata-dax") {
    const std::string bytes = bytes_of(img);
    EXPECT_EQ(bytes.substr(4096, 15), "NVDIMM_PFN_INFO");
    EXPECT_EQ(number_at(bytes, 0x1ff8, 8), 0x685b032be3943830U);  // all fields are constant, so the sum is
    EXPECT_EQ(number_at(bytes, 446 + 8, 4), 6144U);
    EXPECT_EQ(number_at(bytes, (2 << 20) + 446 + 8, 4), 2048U);
    EXPECT_EQ(number_at(bytes, 446 + 12, 4), number_at(bytes, (2 << 20) + 446 + 12, 4));
  }
  if (GetParam().verity) {
    EXPECT_TRUE(veritysetup_agrees(img));
  }
}

TEST_P(Form, IsMadeTwiceAlike) {
  const std::string img = make();
  const std::string once = bytes_of(img);
  fs::remove(img);
  make();
  EXPECT_TRUE(bytes_of(img) == once);
}

TEST_P(Form, StaysWholeWhenItIsEdited) {
  const std::string img = make();
  std::ofstream(path("new")) << "new bytes";
  for (const bool in_place : {false, true}) {
    std::vector<std::string> args = {"inject", img, text("new") + ":/usr/bin/tool" + (in_place ? "2" : "")};
    if (in_place) args.emplace_back("--in-place");
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err.contains("new root hash"), GetParam().verity);
    const auto verified = rootfs_builder({"verify", img});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    EXPECT_TRUE(is_clean(img, GetParam().offset));
    if (GetParam().verity) {
      EXPECT_TRUE(veritysetup_agrees(img));
    }
  }
}

// The tree of hashes lies behind the file system, and makes room for it.
TEST_P(Form, Grows) {
  const std::string img = make({"--size", "16M"});
  std::string noise(20 << 20, '\0');
  unsigned seed = 1;
  for (char& byte : noise) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24 | 1);
  std::ofstream(path("big"), std::ios::binary) << noise;
  const std::string before = bytes_of(img);
  const auto refused = rootfs_builder({"inject", img, text("big") + ":/big"});
  EXPECT_EQ(refused.status, 1) << refused.err;
  EXPECT_TRUE(refused.err.contains("--grow")) << refused.err;
  EXPECT_TRUE(bytes_of(img) == before);
  const auto grown = rootfs_builder({"inject", img, text("big") + ":/big", "--grow"});
  ASSERT_EQ(grown.status, 0) << grown.err;
  EXPECT_EQ(grown.err.contains("new root hash"), GetParam().verity);
  EXPECT_TRUE(is_clean(img, GetParam().offset));
  const auto verified = rootfs_builder({"verify", img});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_TRUE(rootfs_builder({"cat", img, "/big"}).out == noise);
  EXPECT_EQ(rootfs_builder({"cat", img, "/etc/conf"}).out, "c");
  if (std::string_view(GetParam().form) != "ext4" && find_program("sfdisk")) {
    const auto table = run({"sfdisk", "--verify", img});
    EXPECT_TRUE(table && table->status == 0) << table->out << table->err;
  }
  if (GetParam().verity) {
    EXPECT_TRUE(veritysetup_agrees(img));
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, Form,
                         testing::Values(Shape{"ext4", false, 0}, Shape{"kata", false, 1 << 20},
                                         Shape{"kata", true, 1 << 20}, Shape{"kata-dax", false, 3 << 20},
                                         Shape{"kata-dax", true, 3 << 20}, Shape{"gpt", false, 1 << 20},
                                         Shape{"gpt", true, 1 << 20}),
                         [](const auto& info) {
                           std::string name = info.param.form;
                           std::erase(name, '-');
                           return name + (info.param.verity ? "Verity" : "");
                         });

class Verity : public ImageCase {};

TEST_F(Verity, AChangeBehindItsBackIsFound) {
  NEEDS_PROGRAM("e2fsck");
  const std::string img =
      image_of({{.path = "etc/conf", .content = std::string(8192, 'c')}}, {"--form", "kata", "--verity"});
  std::string bytes = bytes_of(img);
  const auto at = bytes.find(std::string(8192, 'c'));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 5000] = 'X';
  std::ofstream(img, std::ios::binary | std::ios::trunc) << bytes;
  const auto outcome = rootfs_builder({"verify", img});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.out.contains(fmt::format("block {} is not", (at - (1 << 20) + 5000) / 4096)))
      << outcome.out;
}

TEST_F(Verity, ATreeWithAForeignSaltIsOnlyMadeAnewOnDemand) {
  NEEDS_PROGRAM("e2fsck");
  const std::string img = image_of({{.path = "etc/conf", .content = "c"}}, {"--form", "kata", "--verity"});
  // As if made with another salt: the hash partition holds something else.
  const std::uint64_t hash_start = fs::file_size(img) / (1 << 20) * 99 / 100 * (1 << 20);
  std::fstream(img, std::ios::binary | std::ios::in | std::ios::out)
          .seekp(static_cast<std::streamoff>(hash_start))
      << std::string(1 << 20, 'h');
  std::ofstream(path("new")) << "new";
  const auto refused = rootfs_builder({"inject", img, text("new") + ":/x"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(refused.err.contains("--verity")) << refused.err;
  EXPECT_EQ(rootfs_builder({"inject", img, text("new") + ":/x", "--verity"}).status, 0);
  EXPECT_EQ(rootfs_builder({"verify", img}).status, 0);
}

TEST_F(Verity, NeedsAPartition) {
  write_tar_file(path("input.tar"), {{.path = "a"}});
  EXPECT_EQ(rootfs_builder({"create", "--from", text("input.tar"), "-o", text("x.img"), "--verity"}).status,
            2);
  EXPECT_EQ(
      rootfs_builder({"create", "--from", text("input.tar"), "-o", text("x.img"), "--form", "kat"}).status,
      2);
}

class Convert : public ImageCase {};

TEST_F(Convert, KeepsEveryFileInEveryForm) {
  NEEDS_PROGRAM("e2fsck");
  const std::string img = image_of(
      {{.path = "usr/sbin/init", .content = std::string(9000, 'i'), .mode = 0755, .uid = 3, .gid = 4},
       {.path = "sbin", .type = 'l', .content = "usr/sbin"},
       {.path = "etc/hard", .type = 'h', .content = "usr/sbin/init"},
       {.path = "dev/tty", .type = 'c', .mode = 0666, .major = 5}},
      {"--label", "kept"});
  ASSERT_EQ(rootfs_builder({"extract", img, "-o", text("first.tar")}).status, 0);
  std::string from = img;
  for (const char* const form : {"kata", "gpt", "kata-dax", "ext4"}) {
    const std::string to = text(std::string(form) + ".img");
    const auto outcome = rootfs_builder({"convert", from, "--form", form, "-o", to});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(rootfs_builder({"verify", to}).status, 0) << form;
    EXPECT_TRUE(rootfs_builder({"inspect", to}).out.contains("label     kept")) << form;
    ASSERT_EQ(rootfs_builder({"extract", to, "-o", text("again.tar")}).status, 0);
    EXPECT_TRUE(bytes_of(path("again.tar")) == bytes_of(path("first.tar"))) << form;
    from = to;
  }
}

TEST_F(Convert, AnInitrdIsWhatCpioReadsAndTheSameTwice) {
  NEEDS_PROGRAM("cpio");
  const std::string img =
      image_of({{.path = "sbin/init", .content = std::string(9001, 'i'), .mode = 0755, .uid = 3, .gid = 4},
                {.path = "etc/hard", .type = 'h', .content = "sbin/init"},
                {.path = "etc/link", .type = 'l', .content = "/x"},
                {.path = "etc/attr", .content = "a", .xattrs = {{"user.a", "b"}}}});
  const auto made =
      rootfs_builder({"convert", img, "--form", "initrd", "--compress", "none", "-o", text("i.cpio")});
  ASSERT_EQ(made.status, 0);
  EXPECT_TRUE(made.err.contains("without 1 extended attribute")) << made.err;
  const auto listed = run({"cpio", "-tv", "--numeric-uid-gid", "-F", text("i.cpio")},
                          {.set_variables = {{"LC_ALL", "C"}, {"TZ", "UTC"}}});
  ASSERT_TRUE(listed && listed->status == 0) << listed->err;
  EXPECT_TRUE(listed->out.contains("init -> sbin/init") || listed->out.contains("init -> /sbin/init"))
      << listed->out;
  EXPECT_TRUE(listed->out.contains("-rwxr-xr-x   2 3        4            9001")) << listed->out;
  EXPECT_FALSE(listed->out.contains("lost+found"));
  for (const char* const compression : {"gzip", "zstd", "xz", "lzma"}) {
    for (const char* const name : {"a", "b"})
      ASSERT_EQ(
          rootfs_builder({"convert", img, "--form", "initrd", "--compress", compression, "-o", text(name)})
              .status,
          0);
    EXPECT_TRUE(bytes_of(path("a")) == bytes_of(path("b"))) << compression;
    EXPECT_LT(fs::file_size(path("a")), fs::file_size(path("i.cpio")));
  }
  EXPECT_EQ(rootfs_builder({"convert", img, "--form", "initrd", "--compress", "lz4", "-o", text("x")}).status,
            2);
}

}  // namespace
}  // namespace cg
