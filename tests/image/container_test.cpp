// Container images in the forms that people have: layouts with several tags and platforms, and the archives
// of docker, podman and skopeo.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Container : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    fs::create_directories(path("l/blobs/sha256"));
    std::ofstream(path("l/oci-layout")) << R"({"imageLayoutVersion":"1.0.0"})";
    index_["schemaVersion"] = 2;
    index_["manifests"] = Json::array();
  }
  std::string blob(const std::string& bytes) {
    const std::string digest = sha256_hex(bytes);
    std::ofstream(path("l/blobs/sha256/" + digest), std::ios::binary) << bytes;
    return digest;
  }
  // A layer with one file.
  std::string layer(const std::string& name, const std::string& content) {
    write_tar_file(path("layer.tar"), {{.path = name, .content = content}});
    return bytes_of(path("layer.tar"));
  }
  void add_image(const std::string& tag, const std::string& platform, const std::string& content) {
    const std::string bottom = blob(layer("bottom", "b"));
    const std::string top = blob(layer("which", content));
    Json manifest;
    manifest["layers"] = Json::array();
    for (const auto& digest : {bottom, top}) {
      Json descriptor;
      descriptor["digest"] = "sha256:" + digest;
      manifest["layers"].push_back(descriptor);
    }
    Json entry;
    entry["digest"] = "sha256:" + blob(manifest.dump());
    if (!tag.empty()) entry["annotations"]["org.opencontainers.image.ref.name"] = tag;
    if (!platform.empty()) {
      entry["platform"]["os"] = "linux";
      entry["platform"]["architecture"] = platform.substr(0, platform.find('/'));
      if (platform.contains('/')) entry["platform"]["variant"] = platform.substr(platform.find('/') + 1);
    }
    index_["manifests"].push_back(entry);
    std::ofstream(path("l/index.json")) << index_.dump();
  }
  Outcome create(const std::string& from, std::vector<std::string> more = {}) {
    fs::remove(path("i.img"));
    std::vector<std::string> args = {"create", "--from", from, "-o", text("i.img")};
    args.insert(args.end(), more.begin(), more.end());
    return rootfs_builder(args);
  }
  // What the image says that it is.
  std::string which(const std::string& from, std::vector<std::string> more = {}) {
    const auto made = create(from, std::move(more));
    if (made.status != 0) return made.err;
    EXPECT_TRUE(is_clean(path("i.img")));
    EXPECT_EQ(rootfs_builder({"cat", text("i.img"), "/bottom"}).out, "b");
    EXPECT_FALSE(rootfs_builder({"ls", text("i.img")}).out.contains("blobs"));
    return rootfs_builder({"cat", text("i.img"), "/which"}).out;
  }
  // The layout as one tar, as skopeo's oci-archive and new versions of docker write it.
  void archive(const std::string& to, const char* filter = nullptr) {
    std::vector<TarEntry> entries;
    for (const auto& entry : fs::recursive_directory_iterator(path("l")))
      if (entry.is_regular_file())
        entries.push_back(
            {.path = entry.path().lexically_relative(path("l")).string(), .content = bytes_of(entry.path())});
    write_tar_file(path(to), entries, filter);
  }
  Json index_;
};

TEST_F(Container, ATagChooses) {
  add_image("a", "", "first");
  EXPECT_EQ(which(text("l")), "first");
  add_image("v1.2", "", "second");
  EXPECT_EQ(which(text("l:a")), "first");
  EXPECT_EQ(which(text("l:v1.2")), "second");
  for (const auto& from : {text("l"), text("l:c")}) {
    const auto refused = create(from);
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(refused.err.contains("v1.2") && refused.err.contains(":TAG")) << refused.err;
  }
  EXPECT_EQ(create(text("l") + "x:a").status, 3);
}

TEST_F(Container, APlatformChooses) {
  add_image("", "arm/v6", "six");
  add_image("", "arm/v7", "seven");
  add_image("", "s390x", "z");
  add_image("", "unknown", "an attestation");
  EXPECT_EQ(which(text("l"), {"--platform", "linux/arm/v7"}), "seven");
  EXPECT_EQ(which(text("l"), {"--platform", "s390x"}), "z");
  EXPECT_TRUE(which(text("l"), {"--platform", "linux/arm"}).contains("2 images for linux/arm"));
  EXPECT_TRUE(which(text("l"), {"--platform", "linux/mips"}).contains("linux/arm/v6"));
}

TEST_F(Container, AnOciArchive) {
  add_image("a", "", "first");
  add_image("b", "", "second");
  archive("oci.tar");
  EXPECT_EQ(which(text("oci.tar:b")), "second");
  EXPECT_TRUE(which(text("oci.tar")).contains(":TAG"));
  archive("oci.tar.gz", "gzip");
  EXPECT_EQ(which(text("oci.tar.gz:a")), "first");
  // A blob that is not what its name says.
  const std::string victim = blob(layer("which", "second"));
  std::ofstream(path("l/blobs/sha256/" + victim)) << "other";
  archive("oci.tar");
  EXPECT_TRUE(which(text("oci.tar:b")).contains("is damaged"));
}

TEST_F(Container, ADockerArchive) {
  const std::string one(64, 'a');
  const std::string two(64, 'b');
  Json app;
  app["RepoTags"] = Json::array({"app:1", "app:latest"});
  app["Layers"] = Json::array({one + "/layer.tar", two + "/layer.tar"});
  Json other;
  other["RepoTags"] = Json::array({"other:2"});
  other["Layers"] = Json::array({one + "/layer.tar"});
  Json images = Json::array();
  images.push_back(app);
  images.push_back(other);
  write_tar_file(
      path("docker.tar"),
      {{.path = one + "/VERSION", .content = "1.0"},
       {.path = one + "/layer.tar", .content = layer("bottom", "b")},
       {.path = two + "/layer.tar", .type = 'l', .content = "../" + std::string(64, 'c') + "/layer.tar"},
       {.path = std::string(64, 'c') + "/layer.tar", .content = layer("which", "docker's")},
       {.path = one + ".json", .content = "{}"},
       {.path = "manifest.json", .content = images.dump()},
       {.path = "repositories", .content = "{}"}});
  EXPECT_EQ(which(text("docker.tar:latest")), "docker's");
  EXPECT_EQ(which(text("docker.tar:app:1")), "docker's");
  EXPECT_TRUE(which(text("docker.tar")).contains("other:2"));
}

// What is none is told so, and nothing is left in the directory for temporary files.
TEST_F(Container, ATarIsNoContainerImage) {
  write_tar_file(path("plain.tar"), {{.path = "etc/index.json", .content = "{}"}});
  EXPECT_EQ(create(text("plain.tar")).status, 0);
  EXPECT_TRUE(create(text("plain.tar:tag")).err.contains("no container image"));
}

}  // namespace
}  // namespace cg
