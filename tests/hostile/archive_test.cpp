// Members of a tar that name users, owners that are none, and archives that would start programs.
#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "hostile/hostile_case.h"
#include "hostile/raw_tar.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class Archive : public Hostile {
 protected:
  void write(std::string_view name, const std::string& bytes) {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << bytes;
  }
};

std::string file(const std::string& name, const std::string& content) {
  return header(name, content.size()) + padded(content);
}

std::string with_acl(const std::string& name, const std::string& acl) {
  const std::string records = pax_record("SCHILY.acl.access", acl);
  return header("PaxHeaders/" + name, records.size(), 'x') + padded(records) + header(name, 0);
}

// "tag permissions id" of each item.
std::string acl_of(const fs::path& image, const std::string& name) {
  const std::string text = debugfs(image, "ea_get -x /" + name + " system.posix_acl_access");
  return text.substr(text.find('=') + 1);
}

TEST_F(Archive, AnAclNamesUsersOfTheImage) {
  const std::string acl =
      "user::rw-,user:daemon:rwx,user:1234:r--,group::r--,group:adm:r-x,mask::rwx,other::r--";
  // GNU tar writes names only, and the accounts may come after.
  write("names.tar", with_acl("j", acl) +
                         file("etc/passwd", "root:x:0:0::/:/bin/sh\ndaemon:x:7001:1::/:/bin/sh\n") +
                         file("etc/group", "adm:x:7004:\n") + std::string(1024, '\0'));
  ASSERT_EQ(create_from("names.tar").status, 0);
  ASSERT_TRUE(is_clean(path("image.img")));
  // The attribute as it stands on disk: of each item the tag, what it may and the number, least byte first.
  const std::string disk = acl_of(path("image.img"), "j");
  EXPECT_TRUE(disk.contains("02 00 04 00 d2 04 00 00 02 00 07 00 59 1b 00 00")) << disk;
  EXPECT_TRUE(disk.contains("08 00 05 00 5c 1b 00 00")) << disk;
  // And it comes out as it stood there.
  ASSERT_EQ(rootfs_builder({"extract", text("image.img"), "-o", text("out.tar")}).status, 0);
  EXPECT_TRUE(bytes_of(path("out.tar")).contains("SCHILY.acl.access="));
  write("image2.tar", bytes_of(path("out.tar")));
  ASSERT_EQ(rootfs_builder({"create", "--from", text("image2.tar"), "-o", text("image2.img")}).status, 0);
  EXPECT_EQ(acl_of(path("image2.img"), "j"), disk);
  fs::remove(path("image.img"));
  fs::remove(path("out.tar"));
  // Whoever is not there has no number, and none is made up.
  write("names.tar",
        with_acl("j", acl) + file("etc/passwd", "daemon:x:7001:1::/:/bin/sh\n") + std::string(1024, '\0'));
  expect_refused_file("names.tar", "j: its ACL names the group 'adm'");
  // A later entry without it takes its place.
  write("names.tar", with_acl("j", acl) + file("j", "x") + std::string(1024, '\0'));
  EXPECT_EQ(create_from("names.tar").status, 0);
}

TEST_F(Archive, OwnersThatAreNone) {
  expect_refused({{.path = "big", .uid = 1LL << 32}}, "big: its owner is 4294967296");
  expect_refused({{.path = "big", .gid = 1LL << 40}}, "big: its group is");
  ASSERT_EQ(create({{.path = "most", .uid = 4294967294, .gid = 4294967294}}).status, 0);
  EXPECT_TRUE(is_clean(path("image.img")));
}

// libarchive looks for lrzip, grzip and lzop on PATH when the first bytes say so.
TEST_F(Archive, StartsNoProgram) {
  fs::create_directory(path("bin"));
  for (const char* name : {"lrzip", "grzip", "lzop"}) {
    std::ofstream(path("bin") / name) << "#!/bin/sh\ntouch " << text("started") << "\n";
    fs::permissions(path("bin") / name, fs::perms::owner_all);
  }
  const std::string before = std::getenv("PATH");
  setenv("PATH", (text("bin") + ":" + before).c_str(), 1);
  for (const std::string& magic : {std::string("LRZI\0\6", 6), std::string("GRZipII\0\2\4:)", 12),
                                   std::string("\x89LZO\0\r\n\x1a\n", 9)}) {
    write("packed", magic + std::string(4096, '\1'));
    EXPECT_EQ(create_from("packed").status, 1);
  }
  setenv("PATH", before.c_str(), 1);
  EXPECT_FALSE(fs::exists(path("started")));
}

}  // namespace
}  // namespace cg
