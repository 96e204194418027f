#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "procfs/cgroup.h"
#include "procfs/fdinfo.h"
#include "procfs/locks.h"
#include "procfs/maps.h"
#include "procfs/net.h"
#include "procfs/status.h"

namespace cg::procfs {
namespace {

TEST(Status, TakesTheNumbersOfEveryNamespace) {
  const auto status = parse_status(
      "Name:\tsleep\nState:\tS "
      "(sleeping)\nTracerPid:\t12\nThreads:\t3\nNSpid:\t126\t1\nNSpgid:\t0\t0\nNSsid:\t88\t0\n"
      "SigPnd:\t0000000000000010\nShdPnd:\t0000000000000001\nSeccomp:\t2\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->name, "sleep");
  EXPECT_EQ(status->state, 'S');
  EXPECT_EQ(status->tracer, 12);
  EXPECT_EQ(status->threads, 3);
  EXPECT_EQ(status->pid, (std::vector{126, 1}));
  EXPECT_EQ(status->sid, (std::vector{88, 0}));
  EXPECT_EQ(status->pending, 0x11U);
  EXPECT_EQ(status->seccomp, 2);
}

TEST(Status, WithoutAStateIsRefused) {
  EXPECT_FALSE(parse_status(""));
  EXPECT_FALSE(parse_status("Name:\tx\n"));
}

TEST(Stat, TheNameMayHoldAnything) {
  const auto stat =
      parse_stat("42 (a) b (c)) D 7 42 41 34816 42 0 0 0 0 0 0 0 0 0 20 0 5 0 12345 0 0 0 0 0 0x 140000\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 42);
  EXPECT_EQ(stat->comm, "a) b (c)");
  EXPECT_EQ(stat->state, 'D');
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->session, 41);
  EXPECT_EQ(stat->tty, 34816);
  EXPECT_EQ(stat->threads, 5);
  EXPECT_EQ(stat->start_time, 12345U);
}

TEST(Stat, RefusesWhatIsNone) {
  for (const char* text : {"", "42", "42 (x", "42 x) S", ")(", "x (y) S 1"})
    EXPECT_FALSE(parse_stat(text)) << text;
}

TEST(Fdinfo, ReadsLocksWatchesAndTerminals) {
  const auto info = parse_fdinfo(
      "pos:\t0\nflags:\t02100002\nmnt_id:\t29\nino:\t7\ntty-index:\t3\n"
      "lock:\t1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF\nlock:\t2: -> POSIX ADVISORY READ 360 00:13:1 "
      "0 9\n"
      "inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 "
      "f_handle:7e9e0000\n"
      "fanotify ino:4f969 sdev:800013 mflags:0 mask:3b ignored_mask:0 fhandle-bytes:8 fhandle-type:1 "
      "f_handle:69f9\n"
      "fanotify mnt_id:12 mflags:0 mask:38 ignored_mask:40000000\n");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->flags, 02100002U);
  EXPECT_EQ(info->mount, 29);
  EXPECT_EQ(info->tty_index, 3);
  ASSERT_EQ(info->locks.size(), 2U);
  EXPECT_EQ(info->locks[0].kind, "FLOCK");
  EXPECT_EQ(info->locks[0].pid, 359);
  EXPECT_EQ(info->locks[1].kind, "POSIX");
  ASSERT_EQ(info->watches.size(), 2U);
  EXPECT_EQ(info->watches[0].inode, 0x9e7eU);
  EXPECT_EQ(info->watches[0].device, 0x800013U);
  EXPECT_TRUE(info->watches[1].has_handle);
  EXPECT_TRUE(info->fanotify_mount_mark);
  EXPECT_FALSE(parse_fdinfo("pos:\t0\n"));
}

TEST(Cgroup, BothVersions) {
  const auto entries =
      parse_cgroup("4:freezer:/a:b\n3:cpu,cpuacct:/\n1:name=systemd:/x (deleted)\n0::/kata/c1\n");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 4U);
  EXPECT_TRUE((*entries)[0].has("freezer"));
  EXPECT_EQ((*entries)[0].path, "/a:b");
  EXPECT_TRUE((*entries)[1].has("cpuacct"));
  EXPECT_EQ((*entries)[2].path, "/x");
  EXPECT_TRUE((*entries)[3].is_v2());
  EXPECT_FALSE(parse_cgroup("nothing\n"));
}

TEST(Cgroup, FindsItsDirectory) {
  const auto mounts = parse_mountinfo(
      "1 0 0:1 / / rw - tmpfs t rw\n2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n3 1 0:3 / /run/freezer rw - "
      "cgroup c rw,freezer\n"
      "4 1 0:2 /kata /mnt/kata rw - cgroup2 c rw\n");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(cgroup_directory({0, {}, "/kata/c1"}, *mounts), "/mnt/kata/c1");
  EXPECT_EQ(cgroup_directory({0, {}, "/other"}, *mounts), "/sys/fs/cgroup/other");
  EXPECT_EQ(cgroup_directory({0, {}, "/"}, *mounts), "/sys/fs/cgroup");
  EXPECT_EQ(cgroup_directory({4, {"freezer"}, "/x"}, *mounts), "/run/freezer/x");
  EXPECT_EQ(cgroup_directory({5, {"cpu"}, "/x"}, *mounts), "");
}

TEST(Maps, KeepsTheNamedOnes) {
  const auto maps = parse_named_maps(
      "00400000-00401000 r-xp 00000000 fe:00 1024                               /bin/with blank (deleted)\n"
      "7f00-7f01 rw-p 00000000 00:00 0 \n7f02-7f03 rw-s 00000000 00:01 5 anon_inode:[io_uring]\n");
  ASSERT_TRUE(maps);
  ASSERT_EQ(maps->size(), 2U);
  EXPECT_EQ((*maps)[0].path, "/bin/with blank (deleted)");
  EXPECT_EQ((*maps)[0].major, 0xfeU);
  EXPECT_FALSE((*maps)[0].shared);
  EXPECT_EQ((*maps)[1].path, "anon_inode:[io_uring]");
  EXPECT_TRUE((*maps)[1].shared);
  EXPECT_FALSE(parse_named_maps("7f00 rw-p 0 00:00 0 x\n"));
}

TEST(SocketTables, Inet) {
  const auto sockets = parse_inet_table(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 24011 1 "
      "ffff 100 0 0 10 0\n"
      "   1: 0100007F:1F90 0100007F:C0DE 06 00000000:00000000 03:00000000 00000000     0        0 0 3 ffff\n",
      {.family = AF_INET, .type = SOCK_STREAM, .protocol = 6}, "tcp");
  ASSERT_TRUE(sockets);
  ASSERT_EQ(sockets->size(), 1U);  // TIME_WAIT belongs to nobody
  EXPECT_EQ(sockets->front().inode, 24011U);
  EXPECT_EQ(sockets->front().state, 10);
  EXPECT_EQ(sockets->front().receive_queue, 2U);
  EXPECT_EQ(sockets->front().family, AF_INET);
  EXPECT_FALSE(parse_inet_table("head\n 0: x\n", {}, "tcp"));
}

TEST(SocketTables, UnixAndPacket) {
  const auto sockets = parse_unix_table(
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "ffff8880: 00000002 00000000 00010000 0001 01 16893 /run/with blank\nffff8881: 00000003 00000000 "
      "00000000 0002 03 16894\n",
      "unix");
  ASSERT_TRUE(sockets);
  ASSERT_EQ(sockets->size(), 2U);
  EXPECT_EQ((*sockets)[0].state, 10);
  EXPECT_EQ((*sockets)[0].name, "/run/with blank");
  EXPECT_EQ((*sockets)[1].type, SOCK_DGRAM);
  EXPECT_EQ((*sockets)[1].state, 1);
  const auto packet =
      parse_inode_table("sk RefCnt Type Proto Iface R Rmem User Inode\nffff 3 2 0003 0 1 12 0 777\n",
                        {.family = AF_PACKET}, 6, "packet");
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->front().inode, 777U);
  EXPECT_EQ(packet->front().receive_queue, 12U);
}

TEST(Locks, TakesEveryKindWithItsInode) {
  const auto locked = parse_locks(
      "1: POSIX  ADVISORY  WRITE 812 08:01:1234 0 EOF\n"
      "1: -> POSIX  ADVISORY  WRITE 813 08:01:1234 0 EOF\n"
      "2: FLOCK  ADVISORY  READ  -1 fd:1f:18446744073709551615 0 EOF\n"
      "3: LEASE  ACTIVE    READ 5 00:2a:77 0 EOF\n"
      "4: OFDLCK ADVISORY  READ -1 <none>:0 0 9\n");
  ASSERT_TRUE(locked) << locked.error().message;
  std::vector<std::string> seen;
  for (const auto& one : *locked)
    seen.push_back(fmt::format("{} {} {:x}:{:x}:{}", one.kind, one.write, one.inode.major, one.inode.minor,
                               one.inode.inode));
  EXPECT_EQ(seen,
            (std::vector<std::string>{"POSIX true 8:1:1234", "POSIX true 8:1:1234",
                                      "FLOCK false fd:1f:18446744073709551615", "LEASE false 0:2a:77"}));
}

TEST(Locks, AnotherFileIsRefused) {
  const auto locked = parse_locks("1: POSIX  ADVISORY  WRITE 812 08:01:1234 0 EOF\nnodev sysfs\n");
  ASSERT_FALSE(locked);
  EXPECT_TRUE(locked.error().message.starts_with("locks:2:")) << locked.error().message;
}

}  // namespace
}  // namespace cg::procfs
