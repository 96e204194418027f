// Layers against umoci: each situation is an OCI layout that umoci unpacks and that becomes an image, and
// what the image holds is what umoci has, name by name. Where we do otherwise the row says why.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/sha256.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Layer = std::vector<TarEntry>;

// Names with all that they are, as lines: what two trees are compared by. Times of directories are left out:
// what is put into one changes them, and a missing parent has none.
using Tree = std::map<std::string, std::string>;

std::string xattrs_of(const fs::path& file) {
  std::string names(4096, '\0');
  const ssize_t size = llistxattr(file.c_str(), names.data(), names.size());
  std::set<std::string> found;
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(names.data() + at)) + 1) {
    const char* const name = names.data() + at;
    std::string value(4096, '\0');
    const ssize_t bytes = lgetxattr(file.c_str(), name, value.data(), value.size());
    value.resize(static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
    found.insert(fmt::format(" {}={}", name, value));
  }
  std::string text;
  for (const auto& one : found) text += one;
  return text;
}

Tree tree_of(const fs::path& root) {
  const bool is_root = geteuid() == 0;  // who else has neither owners nor trusted attributes
  Tree tree;
  std::map<std::pair<dev_t, ino_t>, std::string> names;
  const auto add = [&](const fs::path& file) {
    struct stat info {};
    if (lstat(file.c_str(), &info) != 0) return;
    const std::string name = file == root ? "." : file.lexically_relative(root).string();
    std::string text = fmt::format("{:o}", info.st_mode);
    if (is_root) text += fmt::format(" {}:{}", info.st_uid, info.st_gid) + xattrs_of(file);
    if (!S_ISDIR(info.st_mode)) text += fmt::format(" at {}", info.st_mtim.tv_sec);
    if (S_ISREG(info.st_mode)) text += " " + bytes_of(file);
    if (S_ISLNK(info.st_mode)) text += " -> " + fs::read_symlink(file).string();
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
      text += fmt::format(" {},{}", major(info.st_rdev), minor(info.st_rdev));
    tree[name] = text;
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) names[{info.st_dev, info.st_ino}] += " " + name;
  };
  add(root);
  std::vector<fs::path> all;
  for (const auto& entry : fs::recursive_directory_iterator(root)) all.push_back(entry.path());
  std::ranges::sort(all);
  for (const auto& file : all) add(file);
  for (const auto& [inode, group] : names) tree["names of one file:" + group] = "";
  return tree;
}

// What is in one and not in the other.
std::string difference(const Tree& umoci, const Tree& ours) {
  std::string text;
  for (const auto& [name, what] : umoci) {
    const auto found = ours.find(name);
    if (found == ours.end())
      text += fmt::format("  only umoci has {}: {}\n", name, what);
    else if (found->second != what)
      text += fmt::format("  {}: umoci {}, ours {}\n", name, what, found->second);
  }
  for (const auto& [name, what] : ours)
    if (!umoci.contains(name)) text += fmt::format("  only we have {}: {}\n", name, what);
  return text;
}

class Umoci : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    NEEDS_PROGRAM("umoci");
  }
  void TearDown() override {
    for (const auto& directory : {"bundle", "ours"}) remove_tree(path(directory));
  }
  static void remove_tree(const fs::path& directory) {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }
  Json put(const std::string& bytes, const char* type) {
    fs::create_directories(path("layout/blobs/sha256"));
    const std::string hex = sha256_hex(bytes);
    std::ofstream(path("layout/blobs/sha256/" + hex), std::ios::binary) << bytes;
    Json descriptor;
    descriptor["mediaType"] = type;
    descriptor["digest"] = "sha256:" + hex;
    descriptor["size"] = bytes.size();
    return descriptor;
  }
  // The layout "layout" with the tag "it", and the same image as `docker save` writes it, "docker.tar".
  void write_image(const std::vector<Layer>& layers) {
    remove_tree(path("layout"));
    Json manifest, config, saved;
    config["architecture"] = "amd64";
    config["os"] = "linux";
    config["rootfs"]["type"] = "layers";
    std::vector<TarEntry> members;
    for (const Layer& layer : layers) {
      write_tar_file(path("layer.tar"), layer);
      const std::string bytes = bytes_of(path("layer.tar"));
      const Json descriptor = put(bytes, "application/vnd.oci.image.layer.v1.tar");
      const std::string digest = descriptor["digest"].get<std::string>();
      config["rootfs"]["diff_ids"].push_back(digest);
      manifest["layers"].push_back(descriptor);
      const std::string member = fmt::format("{:064x}/layer.tar", members.size());
      saved["Layers"].push_back(member);
      members.push_back({.path = member, .content = bytes});
    }
    manifest["schemaVersion"] = 2;
    manifest["config"] = put(config.dump(), "application/vnd.oci.image.config.v1+json");
    Json image = put(manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
    image["annotations"]["org.opencontainers.image.ref.name"] = "it";
    Json index;
    index["schemaVersion"] = 2;
    index["manifests"].push_back(image);
    std::ofstream(path("layout/index.json")) << index.dump();
    std::ofstream(path("layout/oci-layout")) << R"({"imageLayoutVersion":"1.0.0"})";
    saved["Config"] = std::string(64, 'c') + ".json";
    saved["RepoTags"].push_back("it:latest");
    members.push_back({.path = std::string(64, 'c') + ".json", .content = config.dump()});
    Json list = Json::array();
    list.push_back(saved);
    members.push_back({.path = "manifest.json", .content = list.dump()});
    write_tar_file(path("docker.tar"), members);
  }
  std::vector<std::string> umoci(std::vector<std::string> words) const {
    words.insert(words.begin(), "umoci");
    if (geteuid() != 0) words.insert(words.end(), "--rootless");
    return words;
  }
  // nullopt: umoci refuses it, and `why` has its words.
  std::optional<Tree> unpacked_by_umoci(const std::string& image, std::string& why) {
    remove_tree(path("bundle"));
    auto words = umoci({"unpack", "--image", image});
    words.push_back(text("bundle"));
    const auto done = run(words);
    if (!done || done->status != 0) {
      why = done ? done->err : done.error().message;
      return std::nullopt;
    }
    return tree_of(path("bundle/rootfs"));
  }
  // The same of an image made of it.
  std::optional<Tree> unpacked_by_us(const std::string& from, std::string& why) {
    remove_tree(path("ours"));
    fs::remove(path("i.img"));
    const auto made = rootfs_builder({"create", "--from", from, "-o", text("i.img"), "--journal", "none"});
    why = made.err;
    if (made.status != 0) {
      EXPECT_EQ(made.status, 1) << made.err;
      EXPECT_FALSE(fs::exists(path("i.img")));
      return std::nullopt;
    }
    EXPECT_TRUE(is_clean(path("i.img")));
    const auto taken = rootfs_builder({"extract", text("i.img"), "-o", text("ours")});
    EXPECT_EQ(taken.status, 0) << taken.err;
    return tree_of(path("ours"));
  }
};

TarEntry file(std::string path, std::string content = "") {
  return {.path = std::move(path), .content = std::move(content)};
}
TarEntry directory(std::string path, unsigned mode = 0755) {
  return {.path = std::move(path), .type = 'd', .mode = mode};
}
TarEntry link(std::string path, std::string target) {
  return {.path = std::move(path), .type = 'l', .content = std::move(target), .mode = 0777};
}
TarEntry hard(std::string path, std::string target) {
  return {.path = std::move(path), .type = 'h', .content = std::move(target)};
}
TarEntry fifo(std::string path) {
  return {.path = std::move(path), .type = 'p', .mode = 0600};
}
TarEntry whiteout(std::string path) {
  return file(std::move(path));
}

enum class Verdict { same, we_refuse, umoci_refuses };

struct Situation {
  const char* name;
  std::vector<Layer> layers;
  Verdict verdict = Verdict::same;  // the same tree, or refused by both
  const char* why = "";             // of what is not the same
};

std::vector<Situation> situations() {
  const Layer tree = {directory("d", 0750),
                      file("d/a", "lower a"),
                      file("d/b", "lower b"),
                      directory("d/sub"),
                      file("d/sub/deep", "deep"),
                      file("f", "lower f"),
                      link("l", "d"),
                      hard("h", "f"),
                      fifo("p")};
  std::vector<Situation> all = {
      // One kind of entry over another.
      {"file over file", {tree, {file("f", "upper")}}},
      {"file over directory with files", {tree, {file("d", "upper")}}},
      {"file over link to a directory", {tree, {file("l", "upper")}}},
      {"file over hard link", {tree, {file("h", "upper")}}},
      {"file over fifo", {tree, {file("p", "upper")}}},
      {"directory over file", {tree, {directory("f", 0711)}}},
      {"directory over directory", {tree, {directory("d", 0711)}}},
      {"directory over link to a directory", {tree, {directory("l"), file("l/new", "n")}}},
      {"directory over dangling link", {{link("l", "none")}, {directory("l"), file("l/new", "n")}}},
      {"directory over hard link", {tree, {directory("h")}}},
      {"directory over fifo", {tree, {directory("p")}}},
      {"link over file", {tree, {link("f", "d/a")}}},
      {"link over directory with files", {tree, {link("d", "f")}}},
      {"link over link", {tree, {link("l", "f")}}},
      {"link over hard link", {tree, {link("h", "f")}}},
      {"link over fifo", {tree, {link("p", "f")}}},
      {"hard link over file", {tree, {hard("d/a", "d/b")}}},
      {"hard link over directory with files", {tree, {hard("d", "f")}}},
      {"hard link over link", {tree, {hard("l", "f")}}},
      {"hard link over fifo", {tree, {hard("p", "f")}}},
      {"fifo over file", {tree, {fifo("f")}}},
      {"fifo over directory with files", {tree, {fifo("d")}}},
      {"fifo over link", {tree, {fifo("l")}}},
      {"all over each other in one layer",
       {{file("x", "1"), directory("x"), file("x/y", "2"), link("x", "z"), fifo("x"), file("x", "3")}}},
      {"file over its own layer's directory", {{directory("x"), file("x/y", "2"), file("x", "3")}}},
      // Whiteouts.
      {"whiteout of a file", {tree, {whiteout("d/.wh.a")}}},
      {"whiteout of a directory", {tree, {whiteout(".wh.d")}}},
      {"whiteout of a link to a directory", {tree, {whiteout(".wh.l")}}},
      {"whiteout of one of two names", {tree, {whiteout(".wh.f")}}},
      {"whiteout of what is not there", {tree, {whiteout("d/.wh.none"), whiteout("none/.wh.x")}}},
      {"whiteout before a file of that name", {tree, {whiteout("d/.wh.a"), file("d/a", "upper")}}},
      {"whiteout behind a file of that name", {tree, {file("d/a", "upper"), whiteout("d/.wh.a")}}},
      {"whiteout before a directory of that name",
       {tree, {whiteout(".wh.d"), directory("d", 0700), file("d/new", "n")}}},
      {"whiteout behind a directory of that name",
       {tree, {directory("d", 0700), file("d/new", "n"), whiteout(".wh.d")}}},
      {"whiteout behind a file below that name", {tree, {file("d/sub/new", "n"), whiteout(".wh.d")}}},
      {"whiteout before a file below that name", {tree, {whiteout(".wh.d"), file("d/sub/new", "n")}}},
      {"whiteout twice", {tree, {whiteout("d/.wh.a"), whiteout("d/.wh.a")}}},
      {"whiteout, and a third layer brings it back",
       {tree, {whiteout(".wh.d")}, {directory("d", 0711), file("d/c", "third")}}},
      {"whiteout below a link to a directory", {tree, {whiteout("l/.wh.a")}}},
      {"whiteout below a dangling link", {{link("l", "none")}, {whiteout("l/.wh.a")}}},
      {"whiteout below a file", {tree, {whiteout("f/.wh.a")}}},
      {"whiteout that is a directory", {tree, {directory("d/.wh.a")}}},
      {"whiteout that is a link", {tree, {link("d/.wh.a", "f")}}},
      {"whiteout in the lowest layer",
       {{file("a", "1"), whiteout(".wh.a"), whiteout(".wh.b")}, {file("b", "2")}}},
      {"whiteouts with ./, / and //",
       {tree, {whiteout("./d/.wh.a"), whiteout("/d//.wh.b"), whiteout("./.wh.p")}}},
      {"whiteout of the lower name that a hard link of this layer is made of",
       {tree, {hard("new", "d/a"), whiteout("d/.wh.a")}}},
      {"whiteout of a name that was linked anew", {tree, {hard("d/a", "f"), whiteout("d/.wh.a")}}},
      {"whiteout of a name that was linked to what it was", {tree, {hard("h", "f"), whiteout(".wh.h")}}},
      // Opaque directories.
      {"opaque first", {tree, {directory("d"), whiteout("d/.wh..wh..opq"), file("d/new", "n")}}},
      {"opaque last", {tree, {directory("d"), file("d/new", "n"), whiteout("d/.wh..wh..opq")}}},
      {"opaque without an entry of its directory", {tree, {whiteout("d/.wh..wh..opq")}}},
      {"opaque before its directory", {tree, {whiteout("d/.wh..wh..opq"), directory("d", 0700)}}},
      {"opaque keeps what is deeper in this layer",
       {tree, {file("d/sub/new", "n"), whiteout("d/.wh..wh..opq")}}},
      {"opaque below", {tree, {file("d/new", "n"), whiteout("d/sub/.wh..wh..opq")}}},
      {"opaque at the root", {tree, {file("new", "n"), whiteout(".wh..wh..opq")}}},
      {"opaque in what is not there", {tree, {whiteout("none/.wh..wh..opq")}}},
      {"opaque in a file", {tree, {whiteout("f/.wh..wh..opq")}}},
      {"opaque through a link", {tree, {whiteout("l/.wh..wh..opq")}}},
      {"opaque and then a hard link to what is gone",
       {tree, {whiteout("d/.wh..wh..opq"), hard("new", "d/a")}}},
      // On the way: links, missing directories, files.
      {"below a link to a directory", {tree, {file("l/new", "n")}}},
      {"below an absolute link", {{directory("etc"), link("l", "/etc")}, {file("l/new", "n")}}},
      {"below a link with ..",
       {{directory("etc"), directory("a/b"), link("a/b/l", "../../etc")}, {file("a/b/l/x", "n")}}},
      {"below a link that leads above the root",
       {{directory("etc"), link("l", "../../../etc")}, {file("l/x", "n")}}},
      {"below a dangling link", {{link("l", "none/deeper")}, {file("l/x/y", "n")}}},
      {"below an absolute dangling link",
       {{directory("a"), link("a/l", "/none/deeper")}, {file("a/l/x", "n")}}},
      {"below links that lead to links",
       {{link("a", "b"), link("b", "c"), directory("c")}, {file("a/x", "n")}}},
      {"below links in a circle", {{link("a", "b"), link("b", "a")}, {file("a/x", "n")}}},
      {"below a file", {tree, {file("f/x", "n")}}},
      {"below a link to a file", {{file("f"), link("l", "f")}, {file("l/x", "n")}}},
      {"below a fifo", {tree, {file("p/x", "n")}}},
      {"missing parents", {{file("a/b/c/d", "n")}}},
      {"missing parents in the upper layer",
       {tree, {file("a/b/c/d", "n"), link("e/f/g", "h"), fifo("i/j/k")}}},
      {"parents after what is in them", {{file("a/b/c", "n"), directory("a/b", 0700), directory("a", 0711)}}},
      {"missing parents of a hard link", {tree, {hard("x/y/z", "f")}}},
      {"missing parents of a whiteout", {tree, {whiteout("x/y/.wh.z"), file("new", "n")}}},
      // Hard links.
      {"hard link to a lower file", {tree, {hard("new", "d/a")}}},
      {"hard link to a lower file that was whited out", {tree, {whiteout("d/.wh.a"), hard("new", "d/a")}}},
      {"hard link through a link", {tree, {hard("new", "l/a")}}},
      {"hard link to a link", {tree, {hard("new", "l")}}},
      {"hard link to a fifo", {tree, {hard("new", "p")}}},
      {"hard link to a directory", {tree, {hard("new", "d")}}},
      {"hard link to what is not there", {tree, {hard("new", "none")}}},
      {"hard link to what comes later", {tree, {hard("new", "later"), file("later", "n")}}},
      {"hard link to itself", {tree, {hard("f", "f")}}},
      {"hard link to what it takes away", {tree, {hard("d", "d/a")}}},
      {"hard link to /NAME and ./NAME", {tree, {hard("n1", "/d/a"), hard("n2", "./d/b")}}},
      {"hard link, then a new file at its target", {tree, {hard("new", "d/a"), file("d/a", "upper")}}},
      {"both names of a file anew", {tree, {file("f", "upper"), hard("h", "f")}}},
      // Names.
      {"./ and / before names", {{directory("./"), file("./a", "1"), file("/b", "2"), file("././c", "3")}}},
      {"slashes behind and within",
       {{directory("d//"), file("d//a", "1"), link("l/", "d"), file("d/./b", "2")}}},
      {"names with dots",
       {{file("..a", "1"), file("...", "2"), file(".wh", "3"), file("a..", "4"), file(".w", "5")}}},
      {"a name in the middle that looks like a whiteout", {{file("a.wh.b", "1"), file("wh.x", "2")}}},
      {"names that are not text",
       {{file("a\xff\n\x01", "1"), directory("\xc3\x28"), file("\xc3\x28/x", "2")}}},
      {"a name of 255 bytes", {{file(std::string(255, 'n'), "1")}}},
      {"a name of 256 bytes", {{file(std::string(256, 'n'), "1")}}},
      {"a path of 3000 bytes",
       {{file(
           [] {
             std::string p;
             for (int i = 0; i < 30; ++i) p += std::string(99, 'p') + "/";
             return p + "x";
           }(),
           "1")}}},
      // The root.
      {"the root's mode", {{directory("./", 0711), file("a", "1")}, {directory("./", 0700)}}},
      {"the root as a file", {tree, {file("./", "x")}}, Verdict::same},
      {"the root as a link", {tree, {link("./", "d")}}},
      // No entries.
      {"an empty layer", {tree, {}}},
      {"an empty layer in the middle", {tree, {}, {file("f", "upper")}}},
      // What names cannot be.
      {"a whiteout of no name",
       {tree, {whiteout("d/.wh.")}},
       Verdict::we_refuse,
       "umoci takes the directory itself away; the specification knows no such whiteout"},
      {"a whiteout of .",
       {tree, {whiteout("d/.wh..")}},
       Verdict::we_refuse,
       "umoci takes the directory itself away"},
      {"a whiteout of ..",
       {tree, {whiteout("d/sub/.wh...")}},
       Verdict::we_refuse,
       "umoci takes away what is above the directory"},
      {"below a whiteout",
       {tree, {file("d/.wh.a/x", "n")}},
       Verdict::we_refuse,
       "umoci makes the directory .wh.a, a name that the specification says cannot exist"},
      {".. in a name",
       {tree, {file("d/../new", "n")}},
       Verdict::we_refuse,
       "umoci cuts it out as text, which is another file where d is a link"},
      {".. in a hard link", {tree, {hard("new", "d/../f")}}, Verdict::we_refuse, "the same"},
  };
  TarEntry a = directory("d", 0700);
  a.xattrs = {{"user.one", "1"}, {"trusted.two", "2"}};
  a.uid = 7;
  TarEntry b = directory("d", 01777);
  b.xattrs = {{"user.three", "3"}};
  b.gid = 9;
  TarEntry c = file("d/f", "c");
  c.xattrs = {{"user.c", "c"}};
  c.mode = 04755;
  TarEntry d = file("d/f", "d");
  d.mtime = 1234567890;
  d.uid = 4294967294;
  all.push_back({"a directory that is listed again has the new mode, owner and attributes", {{a, c}, {b}}});
  all.push_back({"a file that is listed again has nothing of the old one", {{a, c}, {d}}});
  all.push_back({"a file in a directory leaves the directory as it was", {{a}, {c}, {d}}});
  all.push_back({"a hard link's own mode and owner count for nothing",
                 {{c, {.path = "d/g", .type = 'h', .content = "d/f", .mode = 0600, .uid = 3, .mtime = 1}}}});
  if (geteuid() == 0) {
    TarEntry node{.path = "d/null", .type = 'c', .mode = 0666, .major = 1, .minor = 3};
    all.push_back(
        {"a device over a directory", {tree, {{.path = "d", .type = 'b', .major = 8, .minor = 1}}}});
    all.push_back({"a directory over a device", {{node}, {directory("d/null"), file("d/null/x", "n")}}});
  }
  return all;
}

TEST_F(Umoci, LayersAreAppliedAsUmociDoes) {
  const auto all = situations();
  EXPECT_GE(all.size(), 100U);
  for (const Situation& situation : all) {
    SCOPED_TRACE(situation.name);
    write_image(situation.layers);
    std::string umoci_says, we_say;
    const auto theirs = unpacked_by_umoci(text("layout") + ":it", umoci_says);
    const auto ours = unpacked_by_us(text("layout"), we_say);
    if (situation.verdict == Verdict::we_refuse) {
      EXPECT_FALSE(ours) << situation.why;
    } else if (situation.verdict == Verdict::umoci_refuses) {
      EXPECT_FALSE(theirs) << situation.why;
      EXPECT_TRUE(ours) << we_say;
    } else {
      EXPECT_EQ(theirs.has_value(), ours.has_value()) << "umoci: " << umoci_says << "ours: " << we_say;
      if (theirs && ours) {
        EXPECT_EQ(difference(*theirs, *ours), "");
      }
    }
    // The same image as docker saves it.
    const auto saved = unpacked_by_us(text("docker.tar"), we_say);
    EXPECT_EQ(saved.has_value(), ours.has_value()) << we_say;
    if (saved && ours) {
      EXPECT_EQ(difference(*ours, *saved), "");
    }
  }
}

// Images as people make them: a root is changed again and again, and umoci writes what changed as a layer.
TEST_F(Umoci, LayersThatUmociWritesComeBack) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files to others";
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    remove_tree(path("layout"));
    remove_tree(path("work"));
    ASSERT_EQ(run({"umoci", "init", "--layout", text("layout")})->status, 0);
    ASSERT_EQ(run({"umoci", "new", "--image", text("layout") + ":it"})->status, 0);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t most) { return static_cast<std::size_t>(random() % most); };
    for (unsigned layer = 0; layer < 4; ++layer) {
      remove_tree(path("work"));
      ASSERT_EQ(run({"umoci", "unpack", "--image", text("layout") + ":it", text("work")})->status, 0);
      const fs::path root = path("work/rootfs");
      std::vector<fs::path> directories{root};
      std::vector<fs::path> others;
      for (const auto& entry : fs::recursive_directory_iterator(root))
        (entry.is_directory() && !entry.is_symlink() ? directories : others).push_back(entry.path());
      for (unsigned i = 0; i < 40; ++i) {
        std::error_code ignored;
        const fs::path& where = directories[below(directories.size())];
        const fs::path name = where / ("n" + std::to_string(below(30)));
        if (!fs::is_directory(where, ignored)) continue;
        if (fs::exists(fs::symlink_status(name, ignored)) && below(2) == 0) fs::remove_all(name, ignored);
        if (fs::exists(fs::symlink_status(name, ignored))) continue;
        switch (below(6)) {
          case 0:
          case 1:
            fs::create_directory(name, ignored);
            directories.push_back(name);
            break;
          case 2:
            fs::create_symlink(below(2) ? "n1" : "/none", name, ignored);
            break;
          case 3:
            if (!others.empty()) fs::create_hard_link(others[below(others.size())], name, ignored);
            break;
          default:
            std::ofstream(name) << "layer " << layer << " file " << i;
            chown(name.c_str(), static_cast<uid_t>(below(3000)), static_cast<gid_t>(below(3)));
            others.push_back(name);
        }
      }
      ASSERT_EQ(run({"umoci", "repack", "--image", text("layout") + ":it", text("work")})->status, 0);
    }
    std::string why;
    const auto theirs = unpacked_by_umoci(text("layout") + ":it", why);
    ASSERT_TRUE(theirs) << why;
    const auto ours = unpacked_by_us(text("layout") + ":it", why);
    ASSERT_TRUE(ours) << why;
    EXPECT_GE(ours->size(), 20U);
    EXPECT_EQ(difference(*theirs, *ours), "");
    if (!find_program("skopeo")) continue;
    for (const std::string form : {"docker-archive:", "oci-archive:"}) {
      fs::remove(path("by-skopeo.tar"));
      const auto copied = run({"skopeo", "copy", "--insecure-policy", "oci:" + text("layout") + ":it",
                               form + text("by-skopeo.tar") + ":it:latest"});
      ASSERT_TRUE(copied && copied->status == 0) << form << (copied ? copied->err : "");
      const auto archived = unpacked_by_us(text("by-skopeo.tar"), why);
      ASSERT_TRUE(archived) << form << why;
      EXPECT_EQ(difference(*theirs, *archived), "") << form;
    }
  }
}

}  // namespace
}  // namespace cg
