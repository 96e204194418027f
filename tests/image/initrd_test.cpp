// Initrds: made, read as distributions make them, and changed by appending or anew.
#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "compress/encoder.h"
#include "image/support/cpio_bytes.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class InitrdCase : public ImageCase {
 protected:
  void write(const std::string& name, std::string_view bytes) {
    fs::create_directories(path(name).parent_path());
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << bytes;
  }
  Outcome good(const std::vector<std::string>& args) {
    auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 0) << outcome.err << outcome.out;
    return outcome;
  }
  std::string inside(const std::string& initrd, const std::string& file) {
    return good({"cat", text(initrd), file}).out;
  }
  // A small system with every kind of thing.
  std::vector<TarEntry> system() {
    return {{.path = "usr/sbin/init", .content = std::string(9001, 'i'), .mode = 0755, .uid = 3, .gid = 4},
            {.path = "sbin", .type = 'l', .content = "usr/sbin", .mode = 0777},
            {.path = "etc/hard", .type = 'h', .content = "usr/sbin/init"},
            {.path = "etc/conf", .content = "old"},
            {.path = "dev", .type = 'd', .mode = 0755},
            {.path = "dev/tty", .type = 'c', .mode = 0666, .major = 5},
            {.path = "run/pipe", .type = 'p', .mode = 0600}};
  }
  std::string create(const std::string& name, const std::vector<std::string>& more = {}) {
    if (!fs::exists(path("system.tar"))) write_tar_file(path("system.tar"), system());
    std::vector<std::string> args = {"create", "--from", text("system.tar"), "--form",
                                     "initrd", "-o",     text(name)};
    args.insert(args.end(), more.begin(), more.end());
    good(args);
    return text(name);
  }
  // As one plain archive, however it was put together.
  std::string flat(const std::string& initrd) {
    good({"convert", text(initrd), "--form", "initrd", "--compress", "none", "-o", text("flat")});
    return bytes_of(path("flat"));
  }
};

class InitrdCreate : public InitrdCase {};

TEST_F(InitrdCreate, IsTheSameFromATarADirectoryAndAnImage) {
  create("from-tar", {"--compress", "none"});
  const std::string expected = bytes_of(path("from-tar"));
  good({"create", "--from", text("system.tar"), "-o", text("disk.img")});
  good({"convert", text("disk.img"), "--form", "initrd", "--compress", "none", "-o", text("from-image")});
  EXPECT_TRUE(bytes_of(path("from-image")) == expected);
  const mode_t before = umask(077);
  create("again", {"--compress", "none"});
  umask(before);
  EXPECT_TRUE(bytes_of(path("again")) == expected);
  if (geteuid() != 0) return;  // owners and devices
  ASSERT_EQ(run({"cp", "-a", text("system.tar"), text("x.tar")})->status, 0);
  fs::create_directory(path("tree"));
  ASSERT_EQ(run({"tar", "-xpf", text("system.tar"), "--numeric-owner", "-C", text("tree")})->status, 0);
  // Parents that the tar does not name have the time of what is below them; the root has none.
  for (const char* const made : {"usr", "usr/sbin", "etc", "run"})
    ASSERT_EQ(run({"touch", "-d", "@1700000000", text(std::string("tree/") + made)})->status, 0);
  ASSERT_EQ(run({"touch", "-d", "@0", text("tree")})->status, 0);
  ASSERT_EQ(run({"chmod", "755", text("tree"), text("tree/usr"), text("tree/usr/sbin"), text("tree/etc"),
                 text("tree/run")})
                ->status,
            0);
  good({"create", "--from", text("tree"), "--form", "initrd", "--compress", "none", "-o", text("from-dir")});
  EXPECT_TRUE(bytes_of(path("from-dir")) == expected);
}

TEST_F(InitrdCreate, EveryCompressionIsWhatItsOwnToolReads) {
  create("plain", {"--compress", "none"});
  for (const auto& [name, tool] :
       {std::pair{"gzip", "gzip"}, {"zstd", "zstd"}, {"xz", "xz"}, {"lzma", "lzma"}}) {
    create(name, {"--compress", name});
    create("twice", {"--compress", name});
    EXPECT_TRUE(bytes_of(path("twice")) == bytes_of(path(name))) << name;
    EXPECT_TRUE(good({"verify", text(name)}).out.starts_with("PASS    structure 13 entries in 1 archive\n"));
    if (!find_program(tool)) continue;
    const auto unpacked = run({tool, "-dc", text(name)});
    ASSERT_TRUE(unpacked && unpacked->status == 0) << name << unpacked->err;
    EXPECT_TRUE(unpacked->out == bytes_of(path("plain"))) << name;
  }
}

TEST_F(InitrdCreate, SaysWhatItWrote) {
  create("initrd", {"--report", text("report.json")});
  const auto report = nlohmann::json::parse(bytes_of(path("report.json")));
  bool seen = false;
  for (const auto& entry : report["entries"])
    if (entry["path"] == "/etc/hard") {
      seen = true;
      EXPECT_EQ(entry["size"], 9001);
      EXPECT_EQ(entry["mode"], "0755");
      EXPECT_EQ(entry["uid"], 3);
    }
  EXPECT_TRUE(seen);
}

// What mkinitramfs and dracut write: firmware in a plain archive, zeros, then the system in a compressed one.
class InitrdOfOthers : public InitrdCase, public testing::WithParamInterface<std::vector<const char*>> {};

TEST_P(InitrdOfOthers, IsReadAndChanged) {
  NEEDS_PROGRAM("cpio");
  if (!find_program(GetParam()[0])) GTEST_SKIP() << GetParam()[0] << " is not installed";
  write("early/kernel/x86/microcode/GenuineIntel.bin", std::string(5000, 'm'));
  write("main/etc/conf", "old");
  write("main/init", "#!/bin/sh\n");
  fs::create_hard_link(path("main/init"), path("main/etc/same"));
  fs::create_symlink("etc/conf", path("main/link"));
  const auto pack = [&](const std::string& directory) {
    const auto names = run({"find", ".", "-mindepth", "1"}, {.directory = path(directory)});
    auto packed =
        run({"cpio", "-o", "-H", "newc", "--quiet"}, {.directory = path(directory), .input = names->out});
    EXPECT_EQ(packed->status, 0) << packed->err;
    return packed->out;
  };
  std::vector<std::string> argv(GetParam().begin(), GetParam().end());
  const auto packed = run(argv, {.input = pack("main")});
  ASSERT_TRUE(packed && packed->status == 0) << packed->err;
  const std::string early = pack("early");
  write("initrd", early + std::string(512, '\0') + packed->out);

  EXPECT_TRUE(
      good({"verify", text("initrd")}).out.starts_with("PASS    structure 9 entries in 2 archives\n"));
  EXPECT_EQ(inside("initrd", "/link"), "old");
  EXPECT_EQ(inside("initrd", "/etc/same"), "#!/bin/sh\n");
  good({"extract", text("initrd"), "-o", text("out")});
  EXPECT_EQ(bytes_of(path("out/kernel/x86/microcode/GenuineIntel.bin")), std::string(5000, 'm'));

  write("new", "new");
  good({"inject", text("initrd"), text("new") + ":/etc/conf"});
  EXPECT_TRUE(bytes_of(path("initrd")).starts_with(early + std::string(512, '\0') + packed->out));
  EXPECT_TRUE(
      good({"verify", text("initrd")}).out.starts_with("PASS    structure 10 entries in 3 archives\n"));
  EXPECT_EQ(inside("initrd", "/link"), "new");

  good({"remove", text("initrd"), "/link", "--repack"});
  EXPECT_TRUE(bytes_of(path("initrd")).starts_with(early)) << "what boot code reads moved";
  EXPECT_TRUE(
      good({"verify", text("initrd")}).out.starts_with("PASS    structure 9 entries in 2 archives\n"));
  EXPECT_EQ(rootfs_builder({"ls", text("initrd"), "/link"}).status, 1);
  EXPECT_EQ(inside("initrd", "/etc/conf"), "new");
  const auto kept = rootfs_builder({"remove", "-r", text("initrd"), "/kernel", "--repack"});
  EXPECT_EQ(kept.status, 1);
  EXPECT_TRUE(kept.err.contains("firmware")) << kept.err;
}

INSTANTIATE_TEST_SUITE_P(Compressions, InitrdOfOthers,
                         testing::Values(std::vector<const char*>{"cat"}, std::vector<const char*>{"gzip"},
                                         std::vector<const char*>{"xz", "--check=crc32"},
                                         std::vector<const char*>{"zstd", "-q"},
                                         std::vector<const char*>{"lzma"}, std::vector<const char*>{"bzip2"},
                                         std::vector<const char*>{"lzop"},
                                         std::vector<const char*>{"lz4", "-l", "-q"}),
                         [](const auto& info) { return std::string(info.param[0]); });

class InitrdEdit : public InitrdCase {
 protected:
  // The same changes, appended and in a repacked initrd, give the same files.
  void same_both_ways(const std::vector<std::vector<std::string>>& commands) {
    for (const char* const compression : {"none", "gzip", "xz"}) {
      for (const bool repack : {false, true}) {
        const std::string name = repack ? "repacked" : "appended";
        create(name, {"--compress", compression});
        for (auto args : commands) {
          args.insert(args.begin() + 1, text(name));
          if (repack) args.emplace_back("--repack");
          good(args);
        }
        EXPECT_EQ(good({"verify", text(name)}).status, 0);
      }
      EXPECT_TRUE(flat("appended") == flat("repacked")) << compression;
      EXPECT_EQ(names_in(path("")).size(), files_) << "something is left behind";
    }
  }
  std::size_t files_ = 5;  // system.tar, new, appended, repacked, flat
};

TEST_F(InitrdEdit, InjectsThroughLinksWithParents) {
  write("new", "new bytes");
  same_both_ways(
      {{"inject", text("new") + ":/sbin/tool:0711:7:8", text("new") + ":/a/b/", text("new") + ":/etc/conf"}});
  EXPECT_EQ(inside("appended", "/usr/sbin/tool"), "new bytes");
  EXPECT_EQ(inside("appended", "/a/b/new"), "new bytes");
  EXPECT_TRUE(good({"ls", text("appended"), "/"}).out.contains("sbin -> usr/sbin")) << "the link is gone";
  EXPECT_TRUE(good({"ls", text("appended"), "/usr/sbin/tool"}).out.starts_with("-rwx--x--x   1     7     8"));
}

TEST_F(InitrdEdit, AFileWithOtherNamesIsReplacedAloneOrRewrittenWithThem) {
  write("new", "new");
  same_both_ways({{"inject", text("new") + ":/etc/hard"}});
  EXPECT_EQ(inside("appended", "/etc/hard"), "new");
  EXPECT_EQ(inside("appended", "/usr/sbin/init").size(), 9001U);
  same_both_ways({{"replace", text("new") + ":/etc/hard"}});
  EXPECT_EQ(inside("appended", "/usr/sbin/init"), "new");
  EXPECT_TRUE(good({"ls", text("appended"), "/etc/hard"}).out.starts_with("-rwxr-xr-x   2     3     4"));
}

TEST_F(InitrdEdit, ChangesModesOwnersLinksAndDirectories) {
  write("new", "new");
  same_both_ways({{"chmod", "4711", "/sbin/init"},
                  {"chown", "5:6", "/etc/conf", "/dev/tty", "/run"},
                  {"mkdir", "/x/y", "--mode", "700"},
                  {"mkdir", "/etc", "--owner", "9:9"},
                  {"symlink", "/etc/conf", "/x/link", "/sbin"}});
  EXPECT_EQ(inside("appended", "/x/link"), "old");
  EXPECT_EQ(inside("appended", "/etc/hard").size(), 9001U);
  EXPECT_TRUE(good({"ls", text("appended"), "/etc/hard"}).out.starts_with("-rws--x--x   2")) << "one file";
  EXPECT_TRUE(good({"ls", text("appended"), "/dev/tty"}).out.starts_with("crw-rw-rw-   1     5     6"));
}

TEST_F(InitrdEdit, RefusesBeforeTheFirstByte) {
  create("initrd");
  write("new", "new");
  const std::string before = bytes_of(path("initrd"));
  for (const auto& [args, named] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"remove", text("initrd"), "/etc/conf"}, "--repack"},
           {{"remove", text("initrd"), "/etc", "--repack"}, "-r"},
           {{"remove", text("initrd"), "/", "--repack"}, "root"},
           {{"inject", text("initrd"), text("new") + ":/dev/tty"}, "/dev/tty"},
           {{"inject", text("initrd"), text("new") + ":/etc/conf/below"}, "below"},
           {{"inject", text("initrd"), text("new") + ":/x", text("missing") + ":/y"}, "missing"},
           {{"replace", text("initrd"), text("new") + ":/nothing"}, "inject"},
           {{"symlink", text("initrd"), "x", "/etc/conf"}, "/etc/conf"},
           {{"mkdir", text("initrd"), "/etc/conf"}, "/etc/conf"},
           {{"chmod", text("initrd"), "755", "/nothing"}, "/nothing"},
           {{"chmod", text("initrd"), "755", "/etc", "--partition", "1"}, "partition"}}) {
    const auto outcome = rootfs_builder(args);
    EXPECT_NE(outcome.status, 0) << args[0];
    EXPECT_TRUE(outcome.err.contains(named)) << outcome.err;
    EXPECT_TRUE(bytes_of(path("initrd")) == before) << args[0];
  }
  EXPECT_EQ(names_in(path("")), (std::vector<std::string>{"initrd", "new", "system.tar"}));
}

TEST_F(InitrdEdit, InPlaceIsTheSameAndKeepsALink) {
  create("initrd", {"--compress", "none"});
  create("copy", {"--compress", "none"});
  fs::create_symlink("initrd", path("kata-containers-initrd.img"));
  write("new", "new");
  const auto inode = fs::hard_link_count(path("initrd"));
  fs::create_hard_link(path("initrd"), path("other-name"));
  good({"inject", text("copy"), text("new") + ":/etc/new"});
  good({"inject", text("kata-containers-initrd.img"), text("new") + ":/etc/new", "--in-place"});
  EXPECT_TRUE(bytes_of(path("initrd")) == bytes_of(path("copy")));
  EXPECT_EQ(fs::hard_link_count(path("initrd")), inode + 1) << "the file itself was to be changed";
  EXPECT_TRUE(fs::is_symlink(path("kata-containers-initrd.img")));
  EXPECT_EQ(rootfs_builder({"inject", text("initrd"), text("new") + ":/x", "--in-place", "--repack"}).status,
            2);
}

TEST_F(InitrdEdit, TheSameEditGivesTheSameBytes) {
  write("new", "new");
  for (const char* const name : {"a", "b"}) {
    create(name);
    good({"inject", text(name), text("new") + ":/etc/new"});
    good({"mkdir", text(name), "/made"});
  }
  EXPECT_TRUE(bytes_of(path("a")) == bytes_of(path("b")));
}

// What lies over what, when archives follow each other.
class InitrdOrder : public InitrdCase {};

TEST_F(InitrdOrder, LaterEntriesLieOverEarlierOnesAsInTheKernel) {
  write("initrd",
        cpio_entry("usr", cpio_directory) + cpio_entry("usr/bin", cpio_directory) +
            cpio_entry("bin", cpio_link, "usr/bin") + cpio_entry("bin/sh", cpio_file, "shell") +
            cpio_entry("a", cpio_file, "first", {.inode = 7, .links = 2}) +
            cpio_entry("b", cpio_file, "", {.inode = 7, .links = 2}) + cpio_end() +
            // Written through, so that both names have it; then a name of its own kind takes b away.
            cpio_entry("a", cpio_file, "second") + cpio_entry("b", cpio_link, "a") +
            // A directory where a link is takes the link's place.
            cpio_entry("bin", cpio_directory) + cpio_entry("bin/new", cpio_file, "n") + cpio_end());
  EXPECT_EQ(inside("initrd", "/usr/bin/sh"), "shell");
  EXPECT_EQ(rootfs_builder({"cat", text("initrd"), "/bin/sh"}).status, 1);
  EXPECT_EQ(inside("initrd", "/bin/new"), "n");
  EXPECT_EQ(inside("initrd", "/b"), "second");
  EXPECT_TRUE(
      good({"verify", text("initrd")}).out.starts_with("PASS    structure 10 entries in 2 archives\n"));
}

TEST_F(InitrdOrder, WhatTheKernelPassesOverIsAFault) {
  write("initrd", cpio_entry("lost/file", cpio_file, "x") + cpio_entry("d", cpio_directory) +
                      cpio_entry("d/x") + cpio_entry("d", cpio_file, "x") +
                      cpio_entry("dev/console", 0020600, "", {.device_major = 5, .device_minor = 1}) +
                      cpio_entry("dir-with-data", cpio_directory, "data") + cpio_entry("odd", 0000644));
  const auto verified = rootfs_builder({"verify", text("initrd")});
  EXPECT_EQ(verified.status, 1);
  for (const char* const named :
       {"lost/file: the directory", "d: a file where a directory", "dir-with-data: a directory with data",
        "odd: of unknown type", "ends without TRAILER!!!"})
    EXPECT_TRUE(verified.out.contains(named)) << named << "\n" << verified.out;
  EXPECT_FALSE(verified.out.contains("console")) << verified.out;
  EXPECT_TRUE(good({"inspect", text("initrd")}).out.contains("fault     at 0: lost/file"));
  write("new", "new");
  const auto repacked = rootfs_builder({"inject", text("initrd"), text("new") + ":/x", "--repack"});
  EXPECT_EQ(repacked.status, 1);
  EXPECT_TRUE(repacked.err.contains("--repack would lose")) << repacked.err;
}

TEST_F(InitrdOrder, InspectNamesTheArchives) {
  create("initrd");
  write("new", "new");
  good({"inject", text("initrd"), text("new") + ":/x", "--compress", "zstd"});
  const auto json = nlohmann::json::parse(good({"inspect", text("initrd"), "--format", "json"}).out);
  EXPECT_EQ(json["form"], "initrd");
  ASSERT_EQ(json["archives"].size(), 2U);
  EXPECT_EQ(json["archives"][0]["compression"], "gzip");
  EXPECT_EQ(json["archives"][1]["compression"], "zstd");
  EXPECT_EQ(json["archives"][1]["entries"], 1);
  EXPECT_EQ(json["archives"][1]["offset"], json["archives"][0]["bytes"].get<int>() / 4 * 4 +
                                               (json["archives"][0]["bytes"].get<int>() % 4 ? 4 : 0));
}

TEST_F(InitrdOrder, DiffNamesArchivesAndFiles) {
  create("a");
  create("b");
  EXPECT_EQ(good({"diff", text("a"), text("b")}).out, "");
  write("new", "new");
  good({"inject", text("b"), text("new") + ":/etc/conf"});
  const auto diff = rootfs_builder({"diff", text("a"), text("b")});
  EXPECT_EQ(diff.status, 1);
  EXPECT_TRUE(diff.out.contains("archive 2: only in")) << diff.out << diff.err;
  const auto files = rootfs_builder({"diff", "--files", text("a"), text("b")});
  EXPECT_TRUE(files.out.contains("/etc/conf: content at 0: 0x6f -> 0x6e")) << files.out << files.err;
  EXPECT_FALSE(files.out.contains("archive")) << files.out;
}

TEST_F(InitrdOrder, BecomesADisk) {
  NEEDS_PROGRAM("e2fsck");
  create("initrd");
  good({"convert", text("initrd"), "-o", text("disk.img")});
  EXPECT_TRUE(is_clean(path("disk.img")));
  EXPECT_EQ(debugfs(path("disk.img"), "cat /etc/conf"), "old");
  EXPECT_TRUE(debugfs(path("disk.img"), "stat /etc/hard").contains("Links: 2"));
}

}  // namespace
}  // namespace cg
