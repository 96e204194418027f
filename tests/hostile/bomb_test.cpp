// Little input that claims or unpacks to a lot: compressed zeros, holes, absurd sizes and counts.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>

#include "base/sha256.h"
#include "hostile/hostile_case.h"
#include "hostile/raw_tar.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t megabyte = 1 << 20;

class Bomb : public Hostile {
 protected:
  void write(std::string_view name, const std::string& bytes) {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << bytes;
  }
};

TEST_F(Bomb, ACompressedTarMayUnpackToAGigabyteAndNoMore) {
  // Frames of zstd may follow each other.
  std::string bomb = packed(header("zeros", 4096 * megabyte), "zstd");
  const std::string zeros = packed(std::string(64 * megabyte, '\0'), "zstd");
  for (int i = 0; i < 17; ++i) bomb += zeros;
  ASSERT_LT(bomb.size(), megabyte);
  write("bomb.tar.zst", bomb);
  expect_refused_file("bomb.tar.zst", "unpacks to more than 1073741824 bytes");
}

TEST_F(Bomb, TheLimitIsTheUsersToSet) {
  const std::string tar =
      header("zeros", 3 * megabyte) + std::string(3 * megabyte, '\0') + std::string(1024, '\0');
  for (const char* filter : {"gzip", "xz", "zstd", "bzip2", "lz4"}) {
    const std::string name = std::string("bomb.") + filter;
    write(name, packed(tar, filter));
    expect_refused_file(name, "--max-unpacked", 1, {"--max-unpacked", "1M"});
    const auto outcome = create_from(name, {"--max-unpacked", "4M"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(is_clean(path("image.img")));
    fs::remove(path("image.img"));
  }
  // What is not compressed takes no more than its own size.
  write("plain.tar", tar);
  EXPECT_EQ(create_from("plain.tar", {"--max-unpacked", "1M"}).status, 0);
  const auto outcome = create_from("plain.tar", {"--max-unpacked", "much"});
  EXPECT_EQ(outcome.status, 2) << outcome.err;
}

TEST_F(Bomb, WhatIsNotStoredCountsAsWell) {
  // A whiteout with data, and a header that libarchive itself reads over.
  for (const auto& [name, type] : {std::pair{".wh.gone", '0'}, std::pair{"pad", 'Z'}}) {
    write("bomb.gz", packed(header(name, 8 * megabyte, type) + std::string(8 * megabyte, '\0') +
                                header("a", 0) + std::string(1024, '\0'),
                            "gzip"));
    write("other.tar", header("b", 0) + std::string(1024, '\0'));
    expect_refused_file("bomb.gz", "--max-unpacked", 1,
                        {"--from", text("other.tar"), "--max-unpacked", "2M"});
  }
}

TEST_F(Bomb, ALayerOfAnOciLayout) {
  fs::create_directories(path("oci/blobs/sha256"));
  const auto blob = [&](const std::string& bytes) {
    const std::string digest = sha256_hex(bytes);
    write("oci/blobs/sha256/" + digest, bytes);
    return digest;
  };
  const std::string layer =
      blob(packed(header("zeros", 4 * megabyte) + std::string(4 * megabyte + 1024, '\0'), "gzip"));
  const std::string manifest =
      blob("{\"schemaVersion\":2,\"layers\":[{\"digest\":\"sha256:" + layer + "\"}]}");
  write("oci/index.json", "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:" + manifest + "\"}]}");
  write("oci/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  expect_refused_file("oci", layer, 1, {"--max-unpacked", "1M"});
  EXPECT_EQ(create_from("oci").status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
}

TEST_F(Bomb, AnOciDocumentOfAbsurdSizeOrDepth) {
  fs::create_directories(path("oci/blobs/sha256"));
  write("oci/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  write("oci/index.json", "{\"manifests\":[" + std::string(5 * megabyte, ' ') + "]}");
  expect_refused_file("oci", "index.json");
  write("oci/index.json", std::string(100000, '[') + std::string(100000, ']'));
  expect_refused_file("oci", "index.json");
  std::string below = "{\"layers\":[]}";
  for (int i = 0; i < 7; ++i) {
    const std::string digest = sha256_hex(below);
    write("oci/blobs/sha256/" + digest, below);
    below = "{\"manifests\":[{\"digest\":\"sha256:" + digest + "\"}]}";
  }
  write("oci/index.json", below);
  expect_refused_file("oci", "indexes below each other");
  for (const char* text : {"{\"manifests\":7}", "{\"manifests\":[7]}", "{\"manifests\":[]}",
                           "{\"layers\":{}}", "{\"layers\":[{\"digest\":\"sha256:../../../../etc/passwd\"}]}",
                           "{\"layers\":[{\"digest\":7}]}", "null"}) {
    write("oci/index.json", text);
    expect_refused_file("oci", "oci");
  }
}

// GNU tar's form 1.0: a pax header says that the member's data begins with a map of it.
std::string sparse_tar(std::uint64_t size, const std::string& map, const std::string& data) {
  std::string records;
  const auto record = [&](const std::string& key, const std::string& value) {
    records += pax_record(key, value);
  };
  record("GNU.sparse.major", "1");
  record("GNU.sparse.minor", "0");
  record("GNU.sparse.name", "sparse");
  record("GNU.sparse.realsize", std::to_string(size));
  const std::string body = padded(map) + data;
  return header("PaxHeaders/sparse", records.size(), 'x') + padded(records) +
         header("GNUSparseFile/sparse", body.size()) + padded(body) + std::string(1024, '\0');
}

TEST_F(Bomb, ASparseFileTakesNoRoom) {
  const std::uint64_t terabyte = 1ULL << 40;
  write("sparse.tar", sparse_tar(terabyte, "2\n0\n512\n" + std::to_string(terabyte - 512) + "\n512\n",
                                 std::string(512, 'a') + std::string(512, 'z')));
  ASSERT_EQ(create_from("sparse.tar").status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
  EXPECT_LE(fs::file_size(path("image.img")), 8 * megabyte);
  EXPECT_TRUE(debugfs(path("image.img"), "stat /sparse").contains("Size: " + std::to_string(terabyte)));
  // Nor does it take the time to read what is not there: a terabyte of zeros is minutes.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(rootfs_builder({"diff", "--files", text("image.img"), text("image.img")}).status, 0);
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "-o", text("out")}).status, 0);
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "-o", text("out.tar")}).status, 0);
  EXPECT_LE(fs::file_size(path("out.tar")), megabyte);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("out"), "-o", text("dir.img")}).status, 0);
  ASSERT_EQ(rootfs_builder({"create", "--from", text("out.tar"), "-o", text("tar.img")}).status, 0);
  ASSERT_EQ(rootfs_builder({"convert", text("image.img"), "-o", text("other.img")}).status, 0);
  ASSERT_EQ(rootfs_builder({"inject", text("image.img"), text("out/sparse") + ":/again"}).status, 0);
  for (const char* other : {"dir.img", "tar.img", "other.img"}) {
    EXPECT_TRUE(is_clean(path(other))) << other;
    EXPECT_LE(fs::file_size(path(other)), 8 * megabyte) << other;
    EXPECT_TRUE(debugfs(path(other), "stat /sparse").contains("Size: " + std::to_string(terabyte))) << other;
  }
  // What has no holes refuses it.
  for (const char* form : {"erofs", "initrd"}) {
    const auto refused = rootfs_builder({"convert", text("image.img"), "--form", form, "-o", text("no")});
    EXPECT_EQ(refused.status, 1) << refused.err;
    EXPECT_TRUE(refused.err.contains("holes")) << refused.err;
    const auto made =
        rootfs_builder({"create", "--from", text("out.tar"), "--form", form, "-o", text("no")});
    EXPECT_EQ(made.status, 1) << made.err;
    EXPECT_TRUE(made.err.contains(text("no") + ": its files have")) << made.err;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes(2));
}

TEST_F(Bomb, SparseFilesThatMakeNoSense) {
  const std::string most = std::to_string(INT64_MAX);
  write("sparse.tar", sparse_tar(INT64_MAX, "1\n0\n512\n", std::string(512, 'a')));
  {
    const auto outcome = create_from("sparse.tar");
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_TRUE(outcome.err.contains("sparse")) << outcome.err;
    EXPECT_EQ(names_in(path("")), std::vector<std::string>{"sparse.tar"});
  }
  for (const std::string& map :
       {std::string("2\n4096\n512\n0\n512\n"), "1\n" + most + "\n512\n", "1\n0\n" + most + "\n",
        std::string("99999999\n0\n512\n"), std::string("x\n")}) {
    write("sparse.tar", sparse_tar(8192, map, std::string(1024, 'a')));
    const auto outcome = create_from("sparse.tar");
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1) << map << outcome.err;
    if (outcome.status == 0) {
      EXPECT_TRUE(is_clean(path("image.img"))) << map;
      fs::remove(path("image.img"));
    }
    EXPECT_EQ(names_in(path("")), std::vector<std::string>{"sparse.tar"}) << map;
  }
}

TEST_F(Bomb, SizesThatTheArchiveDoesNotHold) {
  for (const std::uint64_t size : {1ULL << 40, 1ULL << 62, static_cast<unsigned long long>(INT64_MAX)}) {
    write("absurd.tar", header("dir/absurd", size) + std::string(2048, 'x'));
    expect_refused_file("absurd.tar", "absurd");
    // A long name, and a pax header, of that size.
    for (const char type : {'L', 'x', 'g'}) {
      write("absurd.tar", header("long", size, type) + std::string(2048, 'x'));
      expect_refused_file("absurd.tar", "absurd.tar");
    }
  }
}

TEST_F(Bomb, MoreNamesThanAFileMayHave) {
  std::vector<TarEntry> entries = {{.path = "file", .content = "x"}};
  for (int i = 0; i < 65000; ++i)
    entries.push_back({.path = "l" + std::to_string(i), .type = 'h', .content = "file"});
  expect_refused(entries, "65000 names");
}

TEST_F(Bomb, AHostFileOfAbsurdSize) {
  // A tmpfs holds files of 8 EiB.
  std::string tree = "/dev/shm/criu-guest-test.XXXXXX";
  if (!mkdtemp(tree.data())) GTEST_SKIP() << "no tmpfs at /dev/shm";
  std::ofstream(tree + "/absurd") << "x";
  fs::resize_file(tree + "/absurd", 1ULL << 60);
  const auto outcome = rootfs_builder({"create", "--from", tree, "-o", text("image.img")});
  fs::remove_all(tree);
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_TRUE(outcome.err.contains("/absurd: 1152921504606846976 bytes; ext4 holds at most 16 TiB"))
      << outcome.err;
  EXPECT_TRUE(names_in(path("")).empty());
}

}  // namespace
}  // namespace cg
