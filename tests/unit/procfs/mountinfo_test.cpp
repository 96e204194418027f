#include "procfs/mountinfo.h"

#include <gtest/gtest.h>

namespace cg::procfs {
namespace {

TEST(Mountinfo, ReadsEveryField) {
  const auto mounts = parse_mountinfo(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime shared:7 master:1 propagate_from:3 unbindable - ext3 /dev/root "
      "rw,errors=continue\n");
  ASSERT_TRUE(mounts);
  ASSERT_EQ(mounts->size(), 1U);
  const Mount& mount = mounts->front();
  EXPECT_EQ(mount.id, 36);
  EXPECT_EQ(mount.parent, 35);
  EXPECT_EQ(mount.major, 98U);
  EXPECT_EQ(mount.minor, 0U);
  EXPECT_EQ(mount.root, "/mnt1");
  EXPECT_EQ(mount.mountpoint, "/mnt2");
  EXPECT_EQ(mount.options, "rw,noatime");
  EXPECT_EQ(mount.shared, 7);
  EXPECT_EQ(mount.master, 1);
  EXPECT_EQ(mount.propagate_from, 3);
  EXPECT_TRUE(mount.unbindable);
  EXPECT_EQ(mount.type, "ext3");
  EXPECT_EQ(mount.source, "/dev/root");
  EXPECT_EQ(mount.super_options, "rw,errors=continue");
}

TEST(Mountinfo, DecodesEscapesAndAnEmptySource) {
  const auto mounts = parse_mountinfo(
      "1 0 0:5 / /with\\040blank\\134 rw - tmpfs tmp\\043fs rw\n2 1 0:6 / /x rw - tmpfs  rw,size=4k\n");
  ASSERT_TRUE(mounts);
  EXPECT_EQ((*mounts)[0].mountpoint, "/with blank\\");
  EXPECT_EQ((*mounts)[0].source, "tmp#fs");
  EXPECT_EQ((*mounts)[1].source, "");
  EXPECT_EQ((*mounts)[1].super_options, "rw,size=4k");
}

TEST(Mountinfo, LeavesUnknownTagsAlone) {
  const auto mounts = parse_mountinfo("1 0 0:5 / / rw newtag:9 - tmpfs t rw\n");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->front().shared, 0);
}

TEST(Mountinfo, NamesTheLineThatIsNone) {
  for (const char* text :
       {"1 0 0:5 / / rw tmpfs t rw\n", "x 0 0:5 / / rw - t t rw\n", "1 0 05 / / rw - t t rw\n", "1\n"}) {
    const auto mounts =
        parse_mountinfo(std::string("1 0 0:5 / / rw - tmpfs t rw\n") + text, "/proc/9/mountinfo");
    ASSERT_FALSE(mounts) << text;
    EXPECT_TRUE(mounts.error().message.starts_with("/proc/9/mountinfo:2:")) << mounts.error().message;
  }
}

TEST(Mountinfo, PathsBelowDirectories) {
  EXPECT_TRUE(is_path_below("/a/b", "/a"));
  EXPECT_TRUE(is_path_below("/a", "/a"));
  EXPECT_TRUE(is_path_below("/anything", "/"));
  EXPECT_FALSE(is_path_below("/ab", "/a"));
  EXPECT_FALSE(is_path_below("/", "/a"));
}

}  // namespace
}  // namespace cg::procfs
