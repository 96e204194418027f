// The checks of `kcheck tree` that ask for the state of a thing: where it points to, what waits in it, who is
// at the other end. What CRIU really does with each is the lab's.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "criu/options.h"
#include "tasks/checks/checks.h"
#include "tasks/plan.h"
#include "tree/tree_command.h"

namespace cg::tree {
namespace {

const Version v4_1_1{{4, 1, 1}};

const OptionTable& table() {
  static const OptionTable instance = builtin_option_table().value();
  return instance;
}

Task task(int pid, int parent, int session) {
  Task one;
  one.pid = pid;
  one.parent = parent;
  one.status.name = "app";
  one.status.state = 'S';
  one.status.threads = 1;
  one.status.pid = one.status.pgid = {pid};
  one.status.sid = {session};
  one.stat.session = session;
  one.thread_states = "S";
  return one;
}

Snapshot plain() {
  Snapshot tree;
  tree.tasks.push_back(task(126, 1, 126));
  tree.own_pid = 5000;
  return tree;
}

void own(Snapshot& tree, Namespace kind) {
  tree.own_namespaces.inode[static_cast<std::size_t>(kind)] = 1;
  for (auto& one : tree.tasks) one.namespaces.inode[static_cast<std::size_t>(kind)] = 2;
}

OpenFile descriptor(const std::string& link) {
  OpenFile file{.label = "fd 3", .fd = 3, .link = link, .stat = FileStat{}, .info = procfs::FdInfo{}};
  file.stat->mode = S_IFREG | 0600;
  file.stat->links = 1;
  file.stat->inode = 77;
  return file;
}

std::vector<std::string> ids(const Snapshot& tree, const std::vector<std::string>& words = {},
                             const Version& version = v4_1_1) {
  std::vector<std::string> result;
  for (const auto& one : check_all({tree, version, DumpOptions(parse_criu_command(table(), version, words))}))
    result.push_back(one.id);
  return result;
}
using Ids = std::vector<std::string>;

TEST(TreeState, ThePidfdOfAStranger) {
  Snapshot tree = plain();
  OpenFile file = descriptor("anon_inode:[pidfd]");
  tree.tasks[0].files = {file};
  const auto of = [&](int target, unsigned flags) {
    tree.tasks[0].files[0].info->pidfd_target = target;
    tree.tasks[0].files[0].info->flags = flags;
    return ids(tree);
  };
  EXPECT_EQ(of(126, O_RDWR), Ids());
  EXPECT_EQ(of(-1, O_RDWR), Ids());
  EXPECT_EQ(of(1, O_RDWR), Ids{"tree.pidfd-outside"});
  EXPECT_EQ(of(0, O_RDWR), Ids{"tree.pidfd-outside"});  // in another pid namespace
  EXPECT_EQ(of(126, O_RDWR | O_EXCL), Ids{"tree.pidfd-thread"});
}

TEST(TreeState, WhatOutsideHoldsIsTakenAtTheRestore) {
  Snapshot tree = plain();
  tree.numbers_outside = {{126, 400}};
  EXPECT_EQ(ids(tree), Ids{"tree.number-held"});
  tree.numbers_outside.clear();
  tree.terminals_outside = {{3, 400}};
  EXPECT_EQ(ids(tree), Ids{"tree.terminal-held"});
  EXPECT_EQ(check_all({tree, v4_1_1, {}}).front().severity, "restore");
}

TEST(TreeState, TheCgroupOfCriuItself) {
  Snapshot tree = plain();
  tree.tasks.push_back(task(127, 126, 126));
  tree.own_cgroup_entries = {{.hierarchy = 0, .controllers = {}, .path = "/here"}};
  tree.tasks[0].cgroups = tree.tasks[1].cgroups = tree.own_cgroup_entries;
  EXPECT_EQ(ids(tree), Ids());
  tree.tasks[0].cgroups[0].path = "/there";
  EXPECT_EQ(ids(tree), Ids{"tree.cgroup-of-criu"});
  tree.tasks[1].cgroups[0].path = "/there";
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, MemoryOfHugePagesThatCriuCannotKnow) {
  Snapshot tree = plain();
  tree.shared_memory_device = {0, 1};
  OpenFile file = descriptor("/memfd:x (deleted)");
  file.stat->minor = 1;
  tree.tasks[0].files = {file};
  EXPECT_EQ(ids(tree), Ids());
  tree.tasks[0].files[0].stat->minor = 16;
  EXPECT_EQ(ids(tree), Ids{"tree.huge-pages"});
  tree.huge_page_devices = {{0, 16}};
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, AUserNamespaceNeedsPidsAndMountsOfItsOwn) {
  const auto with = [](std::initializer_list<Namespace> kinds) {
    Snapshot tree = plain();
    for (const Namespace kind : kinds) own(tree, kind);
    tree.tasks[0].status.pid = tree.tasks[0].status.sid = {126, 1};
    return ids(tree);
  };
  EXPECT_EQ(with({Namespace::user}), Ids{"tree.user-namespace-alone"});
  EXPECT_EQ(with({Namespace::user, Namespace::mount}), Ids{"tree.user-namespace-alone"});
  EXPECT_EQ(with({Namespace::user, Namespace::pid}), Ids{"tree.user-namespace-alone"});
  EXPECT_EQ(with({Namespace::user, Namespace::pid, Namespace::mount}), Ids());
}

TEST(TreeState, AFileInTheProcOfOutside) {
  Snapshot tree = plain();
  procfs::Mount proc;
  proc.mountpoint = "/proc";
  proc.type = "proc";
  proc.minor = 20;
  tree.own_mounts = {proc};
  tree.tasks[0].files = {descriptor("/proc/126/status")};
  tree.tasks[0].files[0].stat->minor = 20;
  EXPECT_EQ(ids(tree), Ids());
  own(tree, Namespace::pid);
  tree.tasks[0].status.pid = tree.tasks[0].status.sid = {126, 1};
  EXPECT_EQ(ids(tree), Ids{"tree.thread-file"});
  tree.tasks[0].files[0].stat->minor = 21;  // of its own
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, QueuesLeasesAndDevices) {
  Snapshot tree = plain();
  tree.tasks[0].files = {descriptor("socket:[9]")};
  tree.tasks[0].files[0].socket = 9;
  procfs::Socket socket;
  socket.inode = 9;
  socket.family = AF_UNIX;
  socket.type = SOCK_DGRAM;
  socket.tells_sender = true;
  tree.sockets[9] = socket;
  EXPECT_EQ(ids(tree), Ids());
  tree.sockets[9].receive_queue = 1;
  EXPECT_EQ(ids(tree), Ids{"tree.unix-sender-queued"});
  EXPECT_EQ(ids(tree, {}, Version{{4, 3, 0}}), Ids());
  tree.sockets[9].tells_more = true;
  EXPECT_EQ(ids(tree, {}, Version{{4, 3, 0}}), Ids{"tree.unix-sender-queued"});

  tree.sockets.clear();
  tree.tasks[0].files = {descriptor("/tmp/leased")};
  tree.tasks[0].files[0].stat->size = 100;
  tree.tasks[0].files[0].info->locks = {{.kind = "LEASE", .pid = 1, .write = true}};
  EXPECT_EQ(ids(tree, {"criu", "dump", "--file-locks"}), Ids{"tree.lease-broken"});

  tree.tasks[0].files = {descriptor("/dev/net/tun")};
  tree.tasks[0].files[0].stat->mode = S_IFCHR | 0600;
  tree.tasks[0].files[0].stat->rdev_major = 10;
  tree.tasks[0].files[0].stat->rdev_minor = 200;
  EXPECT_EQ(ids(tree), Ids{"tree.tun-device"});
  own(tree, Namespace::net);
  EXPECT_EQ(ids(tree), Ids());

  OpenFile dead = descriptor("/proc/99/fd");
  dead.stat.reset();
  dead.unanswered = true;
  tree.tasks[0].files = {dead};
  EXPECT_EQ(ids(tree), Ids{"tree.file-of-the-dead"});
}

TEST(TreeState, ARawSocketIsDumpedUnlisted) {
  Snapshot tree = plain();
  tree.tasks[0].files = {descriptor("socket:[9]")};
  tree.tasks[0].files[0].socket = 9;
  procfs::Socket socket;
  socket.inode = 9;
  socket.family = AF_INET;
  socket.type = SOCK_RAW;
  tree.sockets[9] = socket;
  tree.silent_diags = {"raw-diag"};
  EXPECT_EQ(ids(tree), Ids());
  own(tree, Namespace::net);
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, ADescriptorOfANamespaceOfNobody) {
  Snapshot tree = plain();
  tree.own_namespaces.inode[static_cast<std::size_t>(Namespace::net)] = 50;
  tree.tasks[0].namespaces.inode[static_cast<std::size_t>(Namespace::net)] = 50;
  tree.tasks[0].files = {descriptor("net:[50]")};
  EXPECT_EQ(ids(tree), Ids());
  tree.tasks[0].files = {descriptor("net:[51]")};
  EXPECT_EQ(ids(tree), Ids{"tree.namespace-outside"});
  tree.tasks[0].files = {descriptor("mnt:[50]")};
  EXPECT_EQ(ids(tree), Ids{"tree.namespace-outside"});
}

TEST(TreeState, AFileOfAThreadIsMissingWhenItIsRestored) {
  Snapshot tree = plain();
  for (const auto& [link, refused] : {std::pair{"/proc/126/task/126/stat", false},
                                      {"/proc/126/task/130/stat", true},
                                      {"/proc/126/task/130", true},
                                      {"/proc/126/stat", false},
                                      {"/proc/9/task/10/stat", false}}) {
    tree.tasks[0].files = {descriptor(link)};
    EXPECT_EQ(ids(tree), refused ? Ids{"tree.thread-file"} : Ids()) << link;
  }
  tree.tasks[0].files = {descriptor("/proc/126/task/130/stat")};
  EXPECT_EQ(check_all({tree, v4_1_1, {}}).front().severity, "restore");
}

// AppArmor's label of a task, as CRIU before 4.2 and since then reads it.
TEST(TreeState, ALabelThatCannotBeRead) {
  Snapshot tree = plain();
  tree.tasks[0].label = {.current = false, .apparmor = true, .error = "Invalid argument"};
  EXPECT_EQ(ids(tree), Ids());  // not in use
  tree.apparmor = true;
  EXPECT_EQ(ids(tree), Ids{"tree.label-unreadable"});
  EXPECT_EQ(ids(tree, {}, Version{{4, 2, 0}}), Ids());
  tree.tasks[0].label.apparmor = false;
  EXPECT_EQ(ids(tree, {}, Version{{4, 2, 0}}), Ids{"tree.label-unreadable"});
  tree.tasks[0].label = {};
  EXPECT_EQ(ids(tree), Ids());
}

// A link of an earlier dump is in the way of one with the same number only.
TEST(TreeState, LinksThatAnEarlierDumpLeft) {
  Snapshot tree = plain();
  OpenFile file = descriptor("/srv/name");
  file.info->mount = 20;
  file.name = NameLeadsTo::nothing;
  file.directory_mount = 20;
  tree.mounts.emplace_back(0, procfs::parse_mountinfo("20 1 254:0 / / rw - ext4 /dev/vda rw\n").value());
  tree.tasks[0].files = {file};
  EXPECT_EQ(ids(tree), Ids{"tree.file-renamed"});
  EXPECT_EQ(ids(tree, {"--link-remap"}), Ids());
  tree.tasks[0].files[0].remap_beside = 1;
  EXPECT_EQ(ids(tree, {"--link-remap"}), Ids{"tree.link-remap-leftover"});
  tree.tasks[0].files[0].remap_beside = 70000;
  EXPECT_EQ(ids(tree, {"--link-remap"}), Ids());
}

struct Held {
  Snapshot tree = plain();
  void hold(std::uint64_t inode, procfs::Socket socket) {
    outside(inode, socket);
    OpenFile file{"fd 4", 4, "socket:[" + std::to_string(inode) + "]", {}, {}};
    file.socket = inode;
    tree.tasks[0].files.push_back(file);
  }
  void outside(std::uint64_t inode, procfs::Socket socket) {
    socket.inode = inode;
    tree.sockets[inode] = socket;
  }
};

TEST(TreeState, DataThatNobodyHasRead) {
  Held held;
  held.hold(1, {.family = AF_NETLINK, .type = SOCK_RAW});
  EXPECT_EQ(ids(held.tree), Ids());
  held.tree.sockets[1].receive_queue = 3000;
  EXPECT_EQ(ids(held.tree), Ids{"tree.netlink-unread"});
}

TEST(TreeState, WhoIsAtTheOtherEndOfAUnixSocket) {
  Held held;
  held.hold(1, {.family = AF_UNIX, .type = SOCK_DGRAM, .state = 7, .peer = 9});
  EXPECT_EQ(ids(held.tree, {"--external", "unix[1]"}), Ids{"tree.unix-peer-elsewhere"});
  held.outside(9, {.family = AF_UNIX, .type = SOCK_DGRAM, .state = 7, .name = "/run/log"});
  EXPECT_EQ(ids(held.tree), Ids{"tree.unix-outside"});
  EXPECT_EQ(ids(held.tree, {"--external", "unix[1]"}), Ids());
  held.tree.sockets[9].name.clear();
  held.tree.sockets[9].peer = 8;
  EXPECT_EQ(ids(held.tree, {"--external", "unix[1]"}), Ids{"tree.unix-peer-unreachable"});
}

TEST(TreeState, UnixConnectionsThatNobodyHasAccepted) {
  Held held;
  held.hold(1, {.family = AF_UNIX, .type = SOCK_STREAM, .state = 10});
  held.hold(2, {.family = AF_UNIX, .type = SOCK_STREAM, .state = 1});
  held.tree.pending_connections = {{2, 1}};
  EXPECT_EQ(ids(held.tree), Ids());
  held.tree.sockets[2].send_queue = 512;
  EXPECT_EQ(ids(held.tree), Ids{"tree.unix-in-flight"});
  held.tree.sockets[2].send_queue = 0;
  held.tree.pending_connections = {{2, 1}, {0, 1}};
  EXPECT_EQ(ids(held.tree), Ids{"tree.unix-in-flight-closed"});
  held.tree.pending_connections = {{2, 40}};
  EXPECT_EQ(ids(held.tree), Ids{"tree.unix-in-flight-outside"});
}

TEST(TreeState, UdpCorkAndAResetConnection) {
  Held held;
  held.hold(1, {.family = AF_INET, .type = SOCK_DGRAM, .protocol = 17, .state = 7, .corked = true});
  EXPECT_EQ(ids(held.tree), Ids{"tree.udp-corked"});
  Held reset;
  reset.hold(1, {.family = AF_INET, .type = SOCK_STREAM, .protocol = 6, .state = 7});
  EXPECT_EQ(ids(reset.tree), Ids());
  reset.tree.sockets[1].knows_peer = true;
  EXPECT_EQ(ids(reset.tree), Ids{"tree.tcp-reset"});
}

TEST(TreeState, SessionsBelowASubreaper) {
  Snapshot tree = plain();
  tree.tasks.push_back(task(130, 126, 126));
  tree.tasks.push_back(task(140, 126, 139));  // the root task took it in
  EXPECT_EQ(ids(tree), Ids());
  tree.tasks.push_back(task(150, 130, 149));
  EXPECT_EQ(ids(tree), Ids{"tree.session-lost"});
  tree.tasks.back() = task(150, 130, 150);  // leads its own
  tree.tasks.push_back(task(151, 150, 150));
  EXPECT_EQ(ids(tree), Ids());
  // Forked before its parent called setsid(2).
  tree.tasks[1] = task(130, 126, 130);
  tree.tasks.push_back(task(152, 130, 126));
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, TheRootFileSystemOfAnInitrdIsItsOwnParent) {
  Snapshot tree = plain();
  own(tree, Namespace::uts);
  tree.mounts.emplace_back(0, procfs::parse_mountinfo("1 1 0:2 / / rw - rootfs rootfs rw\n").value());
  tree.tasks[0].files = {descriptor("/bin/sh")};
  tree.tasks[0].files[0].info->mount = 1;
  tree.tasks[0].files[0].name = NameLeadsTo::the_file;
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, NoLinkIsProposedIntoAMountThatCoversTheDirectory) {
  Snapshot tree = plain();
  tree.mounts.emplace_back(0, procfs::parse_mountinfo("20 1 0:2 / / rw - ext4 /dev/vda rw\n"
                                                      "21 20 0:30 / /data rw - tmpfs data rw\n")
                                  .value());
  tree.tasks[0].files = {descriptor("/data/file")};
  OpenFile& file = tree.tasks[0].files[0];
  file.info->mount = 20;
  file.name = NameLeadsTo::nothing;
  file.directory_mount = 20;
  EXPECT_EQ(ids(tree, {"--link-remap"}), Ids());
  file.directory_mount = 21;
  EXPECT_EQ(ids(tree, {"--link-remap"}), Ids{"tree.file-buried"});
}

TEST(TreeState, SharedMemoryByItsMapFilesIsMemory) {
  Snapshot tree = plain();
  tree.mounts.emplace_back(0, procfs::parse_mountinfo("20 1 0:2 / / rw - ext4 /dev/vda rw\n").value());
  tree.shared_memory_device = {0, 5};
  tree.tasks[0].files = {descriptor("/dev/zero (deleted)")};
  OpenFile& file = tree.tasks[0].files[0];
  file.info->mount = 3;
  file.stat->minor = 5;
  EXPECT_EQ(ids(tree), Ids());
  file.stat->minor = 6;
  EXPECT_EQ(ids(tree), Ids{"tree.file-outside"});
}

TEST(TreeState, AWatchThatNoHandleLeadsTo) {
  Snapshot tree = plain();
  tree.tasks[0].files = {descriptor("anon_inode:inotify")};
  tree.tasks[0].files[0].info->watches = {{.inode = 5, .device = 29, .has_handle = true}};
  WatchedFile& watched = tree.watched[{29, 5}];
  watched.handle = WatchedFile::Handle::opens_without_name;
  EXPECT_EQ(ids(tree), Ids());
  watched.handle = WatchedFile::Handle::lost;
  EXPECT_EQ(ids(tree, {"--irmap-scan-path", "/"}), Ids{"tree.watch-outside"});
  watched.handle = WatchedFile::Handle::refused;
  EXPECT_EQ(ids(tree, {"--force-irmap"}), Ids{"tree.watch-outside"});
  EXPECT_TRUE(make_plan(tree, v4_1_1, table()).dump_options.empty());
  watched.name = "/srv/conf";
  EXPECT_EQ(make_plan(tree, v4_1_1, table()).dump_options, (Ids{"--irmap-scan-path", "/srv/conf"}));
  EXPECT_EQ(ids(tree, {"--irmap-scan-path", "/srv"}), Ids());
  // 4.3 looks through an overlay by itself, and through nothing else.
  const auto newer = parse_version("4.3").value();
  EXPECT_EQ(make_plan(tree, newer, table()).dump_options, (Ids{"--irmap-scan-path", "/srv/conf"}));
  tree.mounts.emplace_back(0, procfs::parse_mountinfo("30 1 0:29 / /srv rw - overlay overlay rw\n").value());
  EXPECT_TRUE(make_plan(tree, newer, table()).dump_options.empty());
  EXPECT_EQ(make_plan(tree, v4_1_1, table()).dump_options, (Ids{"--irmap-scan-path", "/srv/conf"}));
  watched.found_by_criu = true;
  EXPECT_EQ(ids(tree), Ids());
}

TEST(TreeState, DevicesOfANetworkNamespace) {
  Snapshot tree = plain();
  own(tree, Namespace::net);
  tree.links = {
      {.index = 1, .type = ARPHRD_LOOPBACK, .name = "lo"},
      {.index = 2, .type = ARPHRD_ETHER, .name = "eth0", .kind = "veth", .peer = 7, .peer_elsewhere = true},
      {.index = 3,
       .type = ARPHRD_ETHER,
       .name = "mac0",
       .kind = "macvlan",
       .peer = 4,
       .peer_elsewhere = true},
      {.index = 8, .type = ARPHRD_ETHER, .name = "in0", .kind = "veth", .peer = 9}};
  tree.own_links = {
      {.index = 4, .type = ARPHRD_ETHER, .name = "ens3"},
      {.index = 5, .type = ARPHRD_ETHER, .name = "br0", .kind = "bridge"},
      {.index = 7, .type = ARPHRD_ETHER, .name = "veth7", .kind = "veth", .peer = 2, .master = 5}};
  const auto plan = make_plan(tree, v4_1_1, table());
  EXPECT_EQ(plan.restore_options,
            (Ids{"--external", "veth[eth0]:veth7@br0", "--external", "macvlan[mac0]:ens3"}));
  EXPECT_TRUE(plan.dump_options.empty());
  // The number that the macvlan has inside is another's outside.
  tree.own_links.push_back({.index = 3, .type = ARPHRD_ETHER, .name = "ens4"});
  EXPECT_EQ(ids(tree).back(), "tree.macvlan-index");
  tree.own_links.pop_back();
  tree.links.push_back({.index = 4, .type = ARPHRD_ETHER, .name = "dummy0", .kind = "dummy"});
  EXPECT_EQ(ids(tree).back(), "tree.network-device");
}

TEST(TreeState, AContainerInsideIsOneCause) {
  Snapshot tree = plain();
  own(tree, Namespace::mount);
  tree.mounts.emplace_back(2, procfs::parse_mountinfo("20 1 0:2 / / rw - ext4 /dev/vda rw\n").value());
  Task inside = task(127, 126, 126);
  inside.namespaces = tree.tasks[0].namespaces;
  for (const Namespace kind : {Namespace::pid, Namespace::ipc, Namespace::uts, Namespace::mount})
    inside.namespaces.inode[static_cast<std::size_t>(kind)] = 9;
  tree.mounts.emplace_back(
      9, procfs::parse_mountinfo("40 39 0:50 / / rw master:7 - virtiofs share rw\n").value());
  tree.tasks.push_back(inside);
  const auto found = check_all({tree, v4_1_1, {}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "tree.nested-pid-namespace");
  EXPECT_TRUE(found[0].seen.contains("pid, ipc, uts"));
}

TEST(TreeState, ARootThatWasChangedInANamespaceOfItsOwn) {
  Snapshot tree = plain();
  OpenFile root = descriptor("/srv/jail");
  root.label = "root";
  root.stat.reset();
  tree.tasks[0].files = {root};
  EXPECT_EQ(ids(tree), Ids());
  own(tree, Namespace::mount);
  EXPECT_EQ(ids(tree).front(), "tree.root-changed");
}

TEST(TreeState, LimitsOfAnotherUsersTask) {
  Snapshot tree = plain();
  tree.tasks[0].may_read_limits = false;
  EXPECT_EQ(ids(tree), Ids{"tree.limits-hidden"});
}

TEST(TreeState, TheTextForAnIoUringIsThatOfTheKernel) {
  Snapshot tree = plain();
  tree.tasks[0].files = {descriptor("anon_inode:[io_uring]")};
  tree.kernel = Version{{6, 6, 0}};
  EXPECT_TRUE(check_all({tree, v4_1_1, {}}).front().breaks.starts_with("Can't dump file 3"));
  tree.kernel = Version{{6, 12, 117}};
  EXPECT_EQ(check_all({tree, v4_1_1, {}}).front().breaks, "send_fds failed (-22)");
}

// 20,000 binds of one file system, each external, in a second at most; all of them looked at each other
// before.
TEST(TreeState, ManyMountsAreJudgedInLinearTime) {
  Snapshot tree = plain();
  own(tree, Namespace::mount);
  std::vector<procfs::Mount> list;
  for (int number = 0; number < 20000; ++number) {
    procfs::Mount mount;
    mount.id = 30 + number;
    mount.parent = number == 0 ? 1 : 30;
    mount.mountpoint = number == 0 ? "/" : "/m" + std::to_string(number);
    mount.root = number == 0 ? "/" : "/data/" + std::to_string(number);
    mount.minor = number == 0 ? 1 : 2;
    mount.master = number == 0 ? 0 : 7;
    mount.type = "ext4";
    list.push_back(mount);
  }
  tree.mounts.emplace_back(2, list);
  tree.own_mounts = {list[1]};
  tree.own_mounts[0].root = "/";
  tree.own_mounts[0].shared = 7;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ids(tree, {"--external", "mnt[]:m"}), Ids());
  EXPECT_GE(ids(tree).size(), 19999U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

std::vector<SystemRow> rows() {
  SystemRow breakpoints;
  breakpoints.finding.id = "kernel.breakpoints-fire";
  breakpoints.finding.verdict = Verdict::fail;
  breakpoints.finding.required = true;
  breakpoints.finding.severity = "dump";
  breakpoints.environment = "CRIU_FAULT=130";
  SystemRow credentials;
  credentials.finding.id = "window.pass-credentials";
  credentials.finding.verdict = Verdict::fail;
  credentials.finding.required = true;
  credentials.finding.by_tree = true;
  credentials.finding.severity = "dump";
  return {breakpoints, credentials};
}

TreeSystem scripted(Snapshot tree, std::optional<Trial> trial = {}) {
  return {[tree](int) -> Result<Snapshot> { return tree; },
          [](std::string_view) {
            return ProbeResult{ProbeResult::Status::pass, ""};
          },
          [](const std::string& file) -> Result<std::string> { return cannot(file + ": no such file"); },
          [](const Version&) { return rows(); },
          [trial](const Version&) -> Result<std::optional<Trial>> { return trial; }};
}

TEST(TreeSystemTest, WhatTheSystemTakesAwayIsInTheCommandsOrStopsThem) {
  const TreeCommand command{.pid = 126, .spec = {}};
  const auto proposed = check_tree({}, command, v4_1_1, scripted(plain())).value();
  EXPECT_EQ(exit_status(proposed, Strictness::normal), 0);
  ASSERT_EQ(proposed.subjects[0].commands.size(), 2U);
  for (const auto& [name, words] : proposed.subjects[0].commands)
    EXPECT_EQ((Ids{words[0], words[1], words[2]}), (Ids{"env", "CRIU_FAULT=130", "criu"})) << name;

  KcheckOptions options;
  options.passthrough = {"criu", "dump", "-t", "126", "-D", "d"};
  EXPECT_EQ(exit_status(check_tree(options, command, v4_1_1, scripted(plain())).value(), Strictness::normal),
            1);
  options.passthrough.insert(options.passthrough.begin(), {"env", "CRIU_FAULT=130"});
  EXPECT_EQ(exit_status(check_tree(options, command, v4_1_1, scripted(plain())).value(), Strictness::normal),
            0);
}

TEST(TreeSystemTest, AWindowCountsForATreeThatHasWhatItIsAbout) {
  Held held;
  held.hold(1, {.family = AF_UNIX, .type = SOCK_DGRAM, .state = 7});
  const TreeCommand command{.pid = 126, .spec = {}};
  EXPECT_EQ(check_tree({}, command, v4_1_1, scripted(held.tree)).value().subjects[0].verdict, Verdict::warn);
  held.hold(2, {.family = AF_INET6, .type = SOCK_DGRAM, .protocol = 17, .state = 7});
  EXPECT_EQ(check_tree({}, command, v4_1_1, scripted(held.tree)).value().subjects[0].verdict, Verdict::fail);
}

TEST(TreeSystemTest, ATrialOutranksAProbe) {
  const TreeCommand command{.pid = 126, .spec = {}};
  Trial trial;
  trial.criu = "/usr/sbin/criu";
  const auto worked = check_tree({}, command, v4_1_1, scripted(plain(), trial)).value();
  EXPECT_EQ(worked.subjects[0].commands[0].second[0], "criu");
  trial.failed = Trial::Step::dump;
  trial.hung = true;
  const auto hung = check_tree({}, command, v4_1_1, scripted(plain(), trial)).value();
  EXPECT_EQ(exit_status(hung, Strictness::normal), 1);
}

}  // namespace
}  // namespace cg::tree
