// Layers with OCI whiteouts, OCI image layouts, extraction, and the round trip tar -> image -> tar -> image.
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/process.h"
#include "base/sha256.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class Layers : public ImageCase {
 protected:
  void SetUp() override { NEEDS_PROGRAM("e2fsck"); }
  std::string names(const std::string& image) {
    std::string all;
    const auto listed = nlohmann::json::parse(rootfs_builder({"ls", "-R", image, "--format", "json"}).out);
    for (const auto& entry : listed["entries"])
      if (entry["name"] != "lost+found") all += entry["name"].get<std::string>() + " ";
    return all;
  }
};

TEST_F(Layers, WhiteoutsTakeAwayWhatLiesBelow) {
  write_tar_file(path("1.tar"), {{.path = "etc/a", .content = "1"},
                                 {.path = "etc/b", .content = "1"},
                                 {.path = "opt/x/deep", .content = "1"},
                                 {.path = "var/one", .content = "1"},
                                 {.path = "var/two", .content = "1"}});
  write_tar_file(path("2.tar"), {{.path = "etc/.wh.a"},
                                 {.path = "./opt/.wh.x"},
                                 {.path = "var/one", .content = "2"},
                                 {.path = "var/.wh..wh..opq"},
                                 {.path = "var/three", .content = "2"},
                                 {.path = "etc/.wh.missing"},
                                 {.path = ".wh..wh.plnk/99"},
                                 {.path = "none/.wh.x"}});
  const auto made =
      rootfs_builder({"create", "--from", text("1.tar"), "--from", text("2.tar"), "-o", text("i.img")});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(is_clean(path("i.img")));
  EXPECT_EQ(names(text("i.img")), "etc opt var etc/b var/one var/three ");
  EXPECT_EQ(debugfs(path("i.img"), "cat /var/one"), "2");
  // A layer's own entry stays, wherever its whiteout stands.
  write_tar_file(path("3.tar"), {{.path = "etc/b", .content = "3"}, {.path = "etc/.wh.b"}});
  ASSERT_EQ(rootfs_builder({"create", "--from", text("1.tar"), "--from", text("3.tar"), "-o", text("j.img")})
                .status,
            0);
  EXPECT_EQ(debugfs(path("j.img"), "cat /etc/b"), "3");
  // A tar of its own has such names like others.
  ASSERT_EQ(rootfs_builder({"create", "--from", text("3.tar"), "-o", text("k.img")}).status, 0);
  EXPECT_TRUE(names(text("k.img")).contains("etc/.wh.b"));
}

TEST_F(Layers, AnOciLayoutIsReadAndChecked) {
  fs::create_directories(path("oci/blobs/sha256"));
  const auto put = [&](const std::string& bytes) {
    const std::string hex = sha256_hex(bytes);
    std::ofstream(path("oci/blobs/sha256/" + hex), std::ios::binary) << bytes;
    return nlohmann::json{{"digest", "sha256:" + hex}, {"size", bytes.size()}};
  };
  write_tar_file(path("1.tgz"), {{.path = "etc/a", .content = "1"}, {.path = "etc/b", .content = "1"}},
                 "gzip");
  write_tar_file(path("2.tar"), {{.path = "etc/.wh.a"}, {.path = "etc/c", .content = "2"}});
  const auto layer = put(bytes_of(path("1.tgz")));
  const nlohmann::json manifest = {{"schemaVersion", 2}, {"layers", {layer, put(bytes_of(path("2.tar")))}}};
  const nlohmann::json index = {{"schemaVersion", 2}, {"manifests", {put(manifest.dump())}}};
  std::ofstream(path("oci/index.json")) << index.dump();
  std::ofstream(path("oci/oci-layout")) << "{\"imageLayoutVersion\":\"1.0.0\"}";
  const std::vector<std::string> create = {"create", "--from", text("oci"), "-o", text("i.img")};
  ASSERT_EQ(rootfs_builder(create).status, 0) << rootfs_builder(create).err;
  EXPECT_EQ(names(text("i.img")), "etc etc/b etc/c ");
  fs::remove(path("i.img"));
  const auto refused = [&](std::string_view named) {
    const auto outcome = rootfs_builder(create);
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << outcome.err;
    EXPECT_FALSE(fs::exists(path("i.img")));
  };
  std::ofstream(path("oci/blobs/sha256/" + layer["digest"].get<std::string>().substr(7)),
                std::ios::binary | std::ios::app)
      << "x";
  refused("is damaged");
  for (const char* bad :
       {"", "[]", "{\"manifests\":[]}", "{\"manifests\":[{\"digest\":\"sha256:../../../etc/passwd\"}]}",
        "{\"manifests\":[7]}", "{\"layers\":7}"}) {
    std::ofstream(path("oci/index.json"), std::ios::trunc) << bad;
    refused(text("oci"));
  }
}

TEST_F(Layers, OwnersAreMappedAndDevicesRefusedOnDemand) {
  const std::vector<TarEntry> entries = {{.path = "a", .content = "bytes", .uid = 5, .gid = 1000},
                                         {.path = "b", .uid = 0, .gid = 0}};
  const std::string img = image_of(entries, {"--uid-map", "0:100000:65536", "--gid-map", "0:200000:65536",
                                             "--report", text("report.json")});
  EXPECT_TRUE(is_clean(img));
  EXPECT_TRUE(debugfs(img, "stat /a").contains("User: 100005   Group: 201000"));
  const auto report = nlohmann::json::parse(bytes_of(path("report.json")));
  const auto& entry =
      *std::ranges::find_if(report["entries"], [](const auto& item) { return item["path"] == "/a"; });
  EXPECT_TRUE(entry["sha256"] == sha256_hex("bytes") && entry["size"] == 5 && entry["uid"] == 100005 &&
              entry["mode"] == "0644")
      << entry.dump();
  fs::remove(img);
  const auto refused = [&](const std::vector<std::string>& more, int status, std::string_view named) {
    std::vector<std::string> args = {"create", "--from", text("input.tar"), "-o", img};
    args.insert(args.end(), more.begin(), more.end());
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << outcome.err;
    EXPECT_FALSE(fs::exists(img));
  };
  refused({"--uid-map", "0:100000:5"}, 1, "/a: no --uid-map holds the user 5");
  refused({"--uid-map", "0:1"}, 2, "FROM:TO:COUNT");
  refused({"--gid-map", "0:4294967295:2"}, 2, "FROM:TO:COUNT");
  write_tar_file(path("input.tar"), {{.path = "dev/sda", .type = 'b', .major = 8}});
  refused({"--no-devices"}, 1, "/dev/sda");
}

TEST_F(Layers, ExtractsFilesAndDirectories) {
  const std::string img =
      image_of({{.path = "d/file", .content = std::string(5000, 'f'), .mode = 0640, .mtime = 1600000000},
                {.path = "d/hard", .type = 'h', .content = "d/file"},
                {.path = "d/out", .type = 'l', .content = "/etc"},
                {.path = "d/sub/x", .content = "x", .xattrs = {{"user.k", "v"}}}});
  ASSERT_EQ(rootfs_builder({"extract", img, "/d", "-o", text("got")}).status, 0);
  EXPECT_EQ(bytes_of(path("got/file")), std::string(5000, 'f'));
  struct stat info {};
  ASSERT_EQ(stat(path("got/hard").c_str(), &info), 0);
  EXPECT_EQ(info.st_nlink, 2U);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_EQ(info.st_mtime, 1600000000);
  EXPECT_EQ(fs::read_symlink(path("got/out")), "/etc");
  EXPECT_EQ(rootfs_builder({"extract", img, "/d", "-o", text("got")}).status, 1);
  EXPECT_EQ(rootfs_builder({"extract", img, "/d/file", "-o", text("one")}).status, 0);
  EXPECT_EQ(fs::file_size(path("one")), 5000U);
  EXPECT_EQ(rootfs_builder({"extract", img, "/missing", "-o", text("none")}).status, 1);
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"got", "image.img", "input.tar", "one"}));
}

// Random trees, from a seed: what goes in comes out, also of an image made of what came out.
TEST_F(Layers, RandomTreesGoRoundUnchanged) {
  const char* const asked = std::getenv("CG_CHECK_LONG");
  const unsigned trees = asked && *asked ? 2000 : 100;
  for (unsigned seed = 1; seed <= trees; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned most) { return static_cast<unsigned>(random() % most); };
    std::vector<TarEntry> entries;
    std::vector<std::string> directories = {""};
    std::vector<std::string> files;
    const unsigned count = 1 + below(60);
    for (unsigned i = 0; i < count; ++i) {
      std::string name =
          directories[below(static_cast<unsigned>(directories.size()))] + "n" + std::to_string(i);
      if (below(4) == 0) name += std::string(1 + below(200), 'x');
      if (below(9) == 0) name += "\xc3\x28 \n\\";  // not UTF-8
      TarEntry entry{.path = name,
                     .mode = below(010000),
                     .uid = below(2) ? below(100000) : 0,
                     .gid = below(70000),
                     .mtime = static_cast<std::int64_t>(below(2000000000)),
                     .nanoseconds = static_cast<long>(below(1000000000))};
      switch (below(8)) {
        case 0:
        case 1:
          entry.type = 'd';
          directories.push_back(name + "/");
          break;
        case 2:
          entry.type = 'l';
          entry.content = std::string(1 + below(300), 't');
          entry.mode = 0777;
          break;
        case 3:
          entry.type = "cbp"[below(3)];
          entry.major = below(4000);
          entry.minor = below(100000);
          break;
        case 4:
          if (!files.empty()) {
            entry = {.path = name, .type = 'h', .content = files[below(static_cast<unsigned>(files.size()))]};
            break;
          }
          [[fallthrough]];
        default: {
          entry.content.resize(below(4) == 0 ? below(300000) : below(9000));
          for (std::size_t at = 0; at < entry.content.size(); at += 1 + below(3000))
            entry.content[at] = static_cast<char>(random());
          if (below(5) == 0) entry.content.insert(entry.content.size() / 2, std::string(below(50000), '\0'));
          files.push_back(name);
        }
      }
      if (entry.type != 'h' && entry.type != 'l' && below(4) == 0)
        entry.xattrs = {{"user.a", std::string(below(60), 'v')}, {"trusted.b", std::string(below(500), 'w')}};
      entries.push_back(std::move(entry));
    }
    const std::string img = image_of(entries, {"--journal", "none"});
    ASSERT_TRUE(is_clean(img)) << "seed " << seed;
    ASSERT_EQ(rootfs_builder({"extract", img, "-o", text("out.tar")}).status, 0) << "seed " << seed;
    const auto again =
        rootfs_builder({"create", "--from", text("out.tar"), "-o", text("again.img"), "--journal", "none"});
    ASSERT_EQ(again.status, 0) << "seed " << seed << ": " << again.err;
    ASSERT_EQ(rootfs_builder({"extract", text("again.img"), "-o", text("again.tar")}).status, 0);
    ASSERT_TRUE(bytes_of(path("out.tar")) == bytes_of(path("again.tar"))) << "seed " << seed;
    for (const TarEntry& entry : entries) {
      if (entry.type == 'f') {
        ASSERT_TRUE(rootfs_builder({"cat", img, "--", entry.path}).out == entry.content)
            << "seed " << seed << ": " << entry.path;
      }
      if (entry.type == 'h') continue;
      const auto listed = nlohmann::json::parse(
          rootfs_builder({"ls", "--format", "json", text("again.img"), "--", entry.path}).out);
      if (entry.type == 'd') continue;
      if (!entry.xattrs.empty() && entry.xattrs[0].second.size() < 50 && !entry.path.contains('\\')) {
        const std::string listed_xattrs = debugfs(img, "ea_list \"" + entry.path + "\"");
        ASSERT_EQ(listed_xattrs.find("user.a"), listed_xattrs.rfind("user.a")) << listed_xattrs;
      }
      ASSERT_EQ(listed["entries"].size(), 1U) << "seed " << seed << ": " << entry.path;
      const auto& found = listed["entries"][0];
      ASSERT_EQ(std::stoul(found["mode"].get<std::string>(), nullptr, 8), entry.mode)
          << "seed " << seed << ": " << entry.path;
      ASSERT_TRUE(found["uid"] == entry.uid && found["gid"] == entry.gid && found["mtime"] == entry.mtime &&
                  found["mtime_ns"] == entry.nanoseconds)
          << "seed " << seed << found.dump();
      if (entry.type == 'l') {
        ASSERT_EQ(found["target"], entry.content);
      }
      if (entry.type == 'c' || entry.type == 'b') {
        ASSERT_TRUE(found["major"] == entry.major && found["minor"] == entry.minor) << found.dump();
      }
    }
  }
}

}  // namespace
}  // namespace cg
