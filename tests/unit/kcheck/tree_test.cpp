// The checks of `kcheck tree` over snapshots made by hand; what CRIU really does with such trees is the
// lab's.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

#include "criu/options.h"
#include "plain_tree.h"
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
DumpOptions given(const std::vector<std::string>& words) {
  return DumpOptions(parse_criu_command(table(), v4_1_1, words));
}

// The container of the report: /dev/shm and /usr are slaves of mounts in the guest, "/" of a bind there.
Snapshot container() {
  Snapshot tree = plain_tree();
  auto& inodes = tree.tasks[0].namespaces.inode;
  inodes[static_cast<std::size_t>(Namespace::mount)] = 2;
  inodes[static_cast<std::size_t>(Namespace::pid)] = 3;
  tree.own_namespaces.inode[static_cast<std::size_t>(Namespace::mount)] = 1;
  tree.own_namespaces.inode[static_cast<std::size_t>(Namespace::pid)] = 1;
  tree.tasks[0].status.pid = tree.tasks[0].status.sid = {126, 1};
  tree.mounts.emplace_back(2,
                           procfs::parse_mountinfo("30 20 254:0 /ct / rw master:1 - ext4 /dev/vda rw\n"
                                                   "33 30 0:40 / /proc rw - proc proc rw\n"
                                                   "34 30 0:41 / /dev rw - tmpfs tmpfs rw\n"
                                                   "38 34 0:30 / /dev/shm rw master:9 - tmpfs shm rw\n"
                                                   "39 30 254:0 /usr /usr rw master:1 - ext4 /dev/vda rw\n")
                               .value());
  tree.own_mounts = procfs::parse_mountinfo(
                        "20 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
                        "25 20 0:30 / /run/shm rw shared:9 - tmpfs shm rw\n"
                        "26 20 254:0 /ct /ct rw shared:1 - ext4 /dev/vda rw\n")
                        .value();
  return tree;
}

std::vector<std::string> ids(const Findings& found) {
  std::vector<std::string> result;
  for (const auto& one : found) result.push_back(one.id);
  return result;
}
std::vector<std::string> refused_with(const Snapshot& tree, const std::vector<std::string>& words,
                                      const Version& version = v4_1_1) {
  return ids(check_all({tree, version, given(words)}));
}
bool has(const std::vector<std::string>& list, const std::string& id) {
  return std::ranges::find(list, id) != list.end();
}

OpenFile regular(const std::string& link, int mount, std::uint32_t links = 1) {
  OpenFile file{"fd 3", 3, link, FileStat{}, procfs::FdInfo{}};
  file.stat->mode = S_IFREG | 0644;
  file.stat->inode = 77;
  file.stat->links = links;
  file.info->mount = mount;
  file.name = NameLeadsTo::the_file;
  return file;
}

OpenFile socket_file(std::uint64_t inode) {
  OpenFile file{"fd 4", 4, "socket:[" + std::to_string(inode) + "]", {}, {}};
  file.socket = inode;
  return file;
}

TEST(Tree, NothingInTheWay) {
  EXPECT_EQ(refused_with(plain_tree(), {}), std::vector<std::string>());
}

// Each line was run with CRIU 4.1.1 in a guest.
TEST(TreeMounts, TheReportedContainerWithEachOption) {
  const Snapshot tree = container();
  const std::vector<std::string> both{"tree.mount-sharing", "tree.mount-sharing"};
  EXPECT_EQ(refused_with(tree, {}).front(), "tree.mount-sharing");
  EXPECT_EQ(refused_with(tree, {"--enable-external-masters"}), refused_with(tree, {}));
  EXPECT_EQ(refused_with(tree, {"--external", "mnt[]:m"}), std::vector<std::string>());
  EXPECT_EQ(refused_with(tree, {"--ext-mount-map", "auto", "--enable-external-masters"}),
            std::vector<std::string>());
  EXPECT_EQ(refused_with(tree, {"--external", "mnt[]:ms"}), std::vector<std::string>());
  EXPECT_EQ(refused_with(tree, {"--external", "mnt[/dev/shm]:shm", "--external", "mnt[/usr]:usr"}),
            std::vector<std::string>());
  // /usr is a slave of the root's own master: the root mount gives it, but its root is not below /ct.
  EXPECT_TRUE(has(refused_with(tree, {"--skip-mnt", "/dev/shm"}), "tree.mount-sharing"));
  EXPECT_TRUE(has(refused_with(tree, {"--external", "mnt[/dev/shm]:shm"}), "tree.mount-sharing"));
}

// "mnt[]" takes a mount for one from outside when nothing of it is tied to others; "m" and "s" allow that.
TEST(TreeMounts, WhatIsTiedToOutsideWantsItsLetter) {
  EXPECT_EQ(refused_with(container(), {"--external", "mnt[]"}), refused_with(container(), {}));
  EXPECT_EQ(refused_with(container(), {"--external", "mnt[]:s"}), refused_with(container(), {}));
  Snapshot tree = container();
  for (auto& mount : tree.mounts.front().second)
    if (mount.mountpoint == "/usr") mount.master = 0, mount.shared = 5;
  tree.own_mounts.push_back(
      procfs::parse_mountinfo("27 20 254:0 /usr /usr rw shared:5 - ext4 /dev/vda rw\n").value().front());
  EXPECT_EQ(refused_with(tree, {"--external", "mnt[]:m"}), std::vector<std::string>{"tree.mount-bind"});
  EXPECT_EQ(refused_with(tree, {"--external", "mnt[]:s", "--enable-external-masters"}),
            std::vector<std::string>());
}

TEST(TreeMounts, TheTextIsCrius) {
  const auto found = check_all({container(), v4_1_1, {}});
  EXPECT_EQ(found.front().breaks,
            "Mount 38 ./dev/shm (master_id: 9 shared_id: 0) has unreachable sharing. Try "
            "--enable-external-masters.");
}

TEST(TreeMounts, ThePlanNamesEachMountAndWhereItComesFrom) {
  const auto plan = make_plan(container(), v4_1_1, table());
  EXPECT_EQ(plan.dump_options, (std::vector<std::string>{"--external", "mnt[/dev/shm]:/dev/shm", "--external",
                                                         "mnt[/usr]:/usr"}));
  EXPECT_EQ(plan.restore_options, (std::vector<std::string>{"--external", "mnt[/dev/shm]:/run/shm",
                                                            "--external", "mnt[/usr]:/usr"}));
  EXPECT_TRUE(plan.remaining.empty());
  EXPECT_EQ(restore_root(container()), "/ct");
}

TEST(TreeMounts, MastersInsideAreNoProblem) {
  Snapshot tree = container();
  tree.mounts[0].second = procfs::parse_mountinfo(
                              "30 20 0:50 / / rw - tmpfs root rw\n"
                              "31 30 0:51 / /a rw shared:4 - tmpfs a rw\n"
                              "32 30 0:51 / /b rw master:4 - tmpfs a rw\n")
                              .value();
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>());
}

TEST(TreeMounts, UnsupportedTypesAndCollisions) {
  Snapshot tree = container();
  tree.mounts[0].second = procfs::parse_mountinfo(
                              "30 20 0:50 / / rw - tmpfs root rw\n"
                              "31 30 0:51 / /data rw - virtiofs share rw\n"
                              "32 30 0:52 / /fuse rw - fuse.sshfs host: rw\n"
                              "33 30 0:53 / /twice rw - tmpfs a rw\n"
                              "34 30 0:54 / /twice rw - tmpfs b rw\n")
                              .value();
  const auto found = refused_with(tree, {});
  EXPECT_EQ(found,
            (std::vector<std::string>{"tree.mount-collision", "tree.mount-unsupported", "tree.mount-fuse"}));
  EXPECT_FALSE(has(refused_with(tree, {"--enable-fs", "virtiofs"}), "tree.mount-unsupported"));
  EXPECT_FALSE(has(refused_with(tree, {"--external", "dev[0/51]:data"}), "tree.mount-unsupported"));
}

// The lab's own disk, mounted beside the root task that shares CRIU's namespace, was refused for a child's
// namespace.
TEST(TreeMounts, AChildsNamespaceBringsTheSharedOneToJudgement) {
  Snapshot tree = plain_tree();
  const auto index = static_cast<std::size_t>(Namespace::mount);
  tree.own_namespaces.inode[index] = tree.tasks[0].namespaces.inode[index] = 1;
  tree.own_mounts = procfs::parse_mountinfo(
                        "20 1 254:0 / / rw - ext4 /dev/vda rw\n"
                        "21 20 254:16 / /data rw - ext4 /dev/vdb rw\n")
                        .value();
  tree.mounts.emplace_back(1, tree.own_mounts);
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>());
  Task child = tree.tasks[0];
  child.pid = 127;
  child.namespaces.inode[index] = 2;
  tree.tasks.push_back(child);
  tree.mounts.emplace_back(2, tree.own_mounts);
  EXPECT_TRUE(has(refused_with(tree, {}), "tree.mount-unsupported"));
  EXPECT_TRUE(has(refused_with(tree, {"--external", "mnt[/data]:data"}), "tree.mount-unsupported"));
}

TEST(TreeMounts, ASkippedParentLeavesAnOrphan) {
  EXPECT_TRUE(has(refused_with(container(), {"--skip-mnt", "/dev"}), "tree.mount-parent-skipped"));
}

TEST(TreeMounts, ImagesOnATmpfsThatIsDumpedIntoThem) {
  Snapshot tree = container();
  tree.own_mounts = procfs::parse_mountinfo(
                        "20 1 254:0 / / rw - ext4 /dev/vda rw\n"
                        "27 20 0:41 / /run rw - tmpfs tmpfs rw\n")
                        .value();
  EXPECT_TRUE(has(refused_with(tree, {"--images-dir", "/run/images"}), "tree.images-inside"));
  EXPECT_FALSE(has(refused_with(tree, {"--images-dir", "/var/images"}), "tree.images-inside"));
  EXPECT_FALSE(has(refused_with(tree, {"--images-dir", "/run/images", "--external", "mnt[/dev]:dev"}),
                   "tree.images-inside"));
}

TEST(TreeTasks, A32BitProgram) {
  Snapshot tree = plain_tree();
  tree.tasks[0].elf = ElfClass::bits_32;
  const auto verdict = [&] { return check_all({tree, v4_1_1, {}}).front().verdict; };
  EXPECT_EQ(verdict(), Verdict::warn);
  tree.criu_has_compat = false;
  EXPECT_EQ(verdict(), Verdict::fail);
  tree.criu_has_compat = true;
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>());
}

TEST(TreeTasks, ASessionOutsideIsClearedByNothing) {
  Snapshot tree = container();
  tree.tasks[0].status.sid = {88, 0};
  for (const auto& words : {std::vector<std::string>{}, {"--shell-job"}})
    EXPECT_TRUE(has(refused_with(tree, words), "tree.session-outside"));
  const auto found = check_all({tree, v4_1_1, {}});
  EXPECT_EQ(found.front().breaks, "A session leader of 126(1) is outside of its pid namespace");
}

TEST(TreeTasks, ShellJobIsForASharedSession) {
  Snapshot tree = plain_tree();
  tree.tasks[0].status.sid = {88};
  EXPECT_EQ(refused_with(tree, {}), (std::vector<std::string>{"tree.not-session-leader"}));
  EXPECT_EQ(refused_with(tree, {"-j"}), std::vector<std::string>());
}

TEST(TreeTasks, TracedStoppedAndDead) {
  Snapshot tree = plain_tree();
  tree.tasks[0].status.tracer = 9;
  tree.tasks[0].thread_states = "ST";
  tree.tasks[0].status.pending = 1ULL << 4;
  EXPECT_EQ(refused_with(tree, {}),
            (std::vector<std::string>{"tree.traced", "tree.threads-stopped", "tree.pending-sigtrap"}));
  tree = plain_tree();
  tree.tasks[0].status.state = 'Z';
  tree.tasks[0].thread_states = "Z";
  EXPECT_TRUE(has(refused_with(tree, {}), "tree.root-dead"));
}

TEST(TreeNamespaces, OnlyMountAndNetworkMayBeNested) {
  Snapshot tree = container();
  Task child = tree.tasks[0];
  child.pid = 127;
  child.namespaces.inode[static_cast<std::size_t>(Namespace::pid)] = 4;
  child.namespaces.inode[static_cast<std::size_t>(Namespace::mount)] = 5;
  tree.tasks.push_back(child);
  EXPECT_TRUE(has(refused_with(tree, {}), "tree.nested-pid-namespace"));
  EXPECT_FALSE(has(refused_with(tree, {}), "tree.nested-mount-namespace"));
}

CgroupState frozen_at(std::vector<CgroupLevel> levels) {
  CgroupState state;
  state.entry.path = "/kata/c1";
  state.directory = "/sys/fs/cgroup/kata/c1";
  state.frozen = true;
  state.levels = std::move(levels);
  return state;
}

TEST(TreeCgroups, FreezeCgroupNamesTheLevelThatIsFrozen) {
  Snapshot tree = plain_tree();
  tree.cgroups["0:/kata/c1"] = frozen_at({{"/sys/fs/cgroup/kata/c1", false}, {"/sys/fs/cgroup/kata", true}});
  const auto plan = make_plan(tree, v4_1_1, table());
  EXPECT_EQ(plan.dump_options, (std::vector<std::string>{"--freeze-cgroup", "/sys/fs/cgroup/kata"}));
  EXPECT_TRUE(has(refused_with(tree, {"--freeze-cgroup", "/sys/fs/cgroup/kata/c1"}), "tree.frozen"));
  EXPECT_EQ(refused_with(tree, {"--freeze-cgroup", "/sys/fs/cgroup/kata/"}), std::vector<std::string>());
}

// Criu thaws one level only.
TEST(TreeCgroups, NoOptionWhereTwoLevelsAreFrozen) {
  Snapshot tree = plain_tree();
  tree.cgroups["0:/kata/c1"] = frozen_at({{"/sys/fs/cgroup/kata/c1", true}, {"/sys/fs/cgroup/kata", true}});
  const auto plan = make_plan(tree, v4_1_1, table());
  EXPECT_TRUE(plan.dump_options.empty());
  EXPECT_TRUE(has(ids(plan.remaining), "tree.frozen"));
  EXPECT_TRUE(has(refused_with(tree, {"--freeze-cgroup", "/sys/fs/cgroup/kata/c1"}), "tree.frozen"));
}

TEST(TreeCgroups, NoOptionWhenCriuWouldFreezeItself) {
  Snapshot tree = plain_tree();
  tree.cgroups["0:/kata/c1"] = frozen_at({{"/sys/fs/cgroup/kata/c1", true}});
  tree.own_cgroups = {"/sys/fs/cgroup/kata/c1/criu"};
  const auto plan = make_plan(tree, v4_1_1, table());
  EXPECT_TRUE(plan.dump_options.empty());
  EXPECT_TRUE(has(ids(plan.remaining), "tree.frozen"));
  EXPECT_TRUE(has(refused_with(tree, {"--freeze-cgroup", "/sys/fs/cgroup/kata/c1"}), "tree.freezes-itself"));
}

TEST(TreeFiles, GhostLimitCountsBlocksSince318) {
  Snapshot tree = container();
  OpenFile file = regular("/tmp/gone (deleted)", 30, 0);
  file.stat->size = 8 << 20;
  file.stat->blocks = 8;
  tree.tasks[0].files = {file};
  const std::vector<std::string> masters{"--external", "mnt[]:m"};
  EXPECT_FALSE(has(refused_with(tree, masters), "tree.deleted-file"));
  EXPECT_TRUE(has(refused_with(tree, masters, Version{{3, 17, 1}}), "tree.deleted-file"));
  tree.tasks[0].files[0].stat->blocks = (3 << 20) / 512;
  const auto plan = make_plan(tree, v4_1_1, table());
  EXPECT_TRUE(has(plan.dump_options, "4M"));
  EXPECT_TRUE(plan.remaining.empty());
  EXPECT_FALSE(
      has(refused_with(tree, {"--external", "mnt[]:m", "--ghost-limit", "3m"}), "tree.deleted-file"));
}

TEST(TreeFiles, AFileOfAnotherMountNamespace) {
  Snapshot tree = container();
  tree.tasks[0].files = {regular("/dev/null", 21)};
  const auto plan = make_plan(tree, v4_1_1, table());
  EXPECT_TRUE(has(plan.dump_options, "file[15:4d]"));
  EXPECT_TRUE(has(plan.restore_options, "fd[N]:file[15:4d]"));
  tree.tasks[0].files[0].fd = -1;
  tree.tasks[0].files[0].label = "cwd";
  EXPECT_TRUE(has(ids(make_plan(tree, v4_1_1, table()).remaining), "tree.file-outside"));
}

TEST(TreeFiles, LocksNamesAndKinds) {
  Snapshot tree = container();
  OpenFile locked = regular("/a", 30);
  locked.info->locks.push_back({"POSIX", 126});
  OpenFile renamed = regular("/b", 30);
  renamed.name = NameLeadsTo::nothing;
  OpenFile replaced = regular("/c", 30);
  replaced.name = NameLeadsTo::another_file;
  OpenFile ring = regular("anon_inode:[io_uring]", 13);
  OpenFile pidfd = regular("anon_inode:[pidfd]", 13);
  pidfd.info->pidfd_target = 126;
  tree.tasks[0].files = {locked, renamed, replaced, ring, pidfd};
  const std::vector<std::string> masters{"--external", "mnt[]:m"};
  EXPECT_EQ(refused_with(tree, masters), (std::vector<std::string>{"tree.file-lock", "tree.file-renamed",
                                                                   "tree.file-replaced", "tree.file-kind"}));
  EXPECT_EQ(std::ranges::count(refused_with(tree, masters, Version{{4, 0, 0}}), "tree.file-kind"), 2);
  EXPECT_EQ(refused_with(tree, {"--external", "mnt[]:m", "--link-remap", "-l"}),
            (std::vector<std::string>{"tree.file-replaced", "tree.file-kind"}));
}

TEST(TreeSockets, WhatEachKindAsksFor) {
  Snapshot tree = plain_tree();
  const auto hold = [&](std::uint64_t inode, procfs::Socket socket) {
    socket.inode = inode;
    tree.sockets[inode] = socket;
    tree.tasks[0].files.push_back(socket_file(inode));
  };
  hold(1, {.family = AF_INET, .type = SOCK_STREAM, .protocol = 6, .state = 1});
  hold(2, {.family = AF_VSOCK, .type = SOCK_STREAM});
  hold(3, {.family = AF_UNIX, .type = SOCK_STREAM, .state = 1, .peer = 99});
  tree.sockets[99] = {.inode = 99, .family = AF_UNIX, .type = SOCK_STREAM, .state = 1, .peer = 3};
  hold(4, {.family = AF_UNIX, .type = SOCK_STREAM, .state = 1, .peer = 5});
  hold(5, {.family = AF_UNIX, .type = SOCK_STREAM, .state = 1, .peer = 4});
  hold(6, {.family = AF_INET, .type = SOCK_STREAM, .protocol = 262, .state = 7});
  hold(7, {.family = AF_INET, .type = SOCK_STREAM, .protocol = 6, .state = 10, .receive_queue = 2});
  EXPECT_EQ(refused_with(tree, {}),
            (std::vector<std::string>{"tree.tcp-connected", "tree.socket-family", "tree.unix-outside",
                                      "tree.socket-protocol", "tree.tcp-in-flight"}));
  EXPECT_EQ(refused_with(tree, {"--tcp-close", "--external", "unix[3]", "--skip-in-flight"}),
            (std::vector<std::string>{"tree.socket-family", "tree.socket-protocol"}));
}

// A kind of socket that the kernel does not list stops the dump of a tree that has one, and of every network
// namespace of its own.
TEST(TreeSockets, KindsThatTheKernelDoesNotList) {
  Snapshot tree = plain_tree();
  const auto hold = [&](std::uint64_t inode, procfs::Socket socket) {
    socket.inode = inode;
    tree.sockets[inode] = socket;
    tree.tasks[0].files.push_back(socket_file(inode));
  };
  hold(1, {.family = AF_UNIX, .type = SOCK_DGRAM, .state = 7});
  hold(2, {.family = AF_INET6, .type = SOCK_DGRAM, .protocol = 17, .state = 7});
  hold(3, {.family = AF_INET6, .type = SOCK_DGRAM, .protocol = 17, .state = 7});
  hold(4, {.family = AF_INET, .type = SOCK_STREAM, .protocol = 6, .state = 10});
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>{});
  tree.silent_diags = {"packet-diag"};
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>{});
  tree.silent_diags = {"udp-diag"};
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>{"tree.socket-diag"});
  const auto found = check_all({tree, v4_1_1, {}});
  EXPECT_TRUE(std::ranges::any_of(found, [](const TreeFinding& one) {
    return one.breaks == "Sockets (family 10 proto 17) are not collected";
  }));
  tree.sockets.clear();
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>{});
  tree.own_namespaces.inode[static_cast<std::size_t>(Namespace::net)] = 9;
  EXPECT_EQ(refused_with(tree, {}), std::vector<std::string>{"tree.network-namespace-diag"});
}

TEST(TreeSpec, BindMountsBecomeOptions) {
  const auto options = spec_options(
      R"({"mounts":[{"destination":"/dev/shm","type":"bind","source":"/run/shm"},{"destination":"/proc","type":"proc"},
         {"destination":"/usr","options":["rbind","ro"],"source":"/usr"},{"destination":"/not/there","type":"bind","source":"/x"}]})",
      "config.json", container());
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->dump, (std::vector<std::string>{"--external", "mnt[/dev/shm]:/dev/shm", "--external",
                                                     "mnt[/usr]:/usr"}));
  EXPECT_EQ(options->restore, (std::vector<std::string>{"--external", "mnt[/dev/shm]:/run/shm", "--external",
                                                        "mnt[/usr]:/usr"}));
  const auto relative =
      spec_options(R"({"mounts":[{"destination":"/dev/shm","type":"bind","source":"shm"}]})",
                   "/bundle/config.json", container());
  ASSERT_TRUE(relative);
  EXPECT_EQ(relative->restore.at(1), "mnt[/dev/shm]:/bundle/shm");
  for (const char* text : {"", "[]", "{\"mounts\":3}", R"({"mounts":[{"destination":"/usr","type":"bind"}]})",
                           "{\"mounts\":[3]}", "{\"mounts\":[{\"source\":\"/x\"}]}"})
    EXPECT_FALSE(spec_options(text, "config.json", container())) << text;
}

TreeSystem scripted(Snapshot tree) {
  return {[tree](int) -> Result<Snapshot> { return tree; },
          [](std::string_view) {
            return ProbeResult{ProbeResult::Status::fail, ""};
          },
          [](const std::string& file) -> Result<std::string> { return cannot(file + ": no such file"); },
          [](const Version&) { return std::vector<SystemRow>(); },
          [](const Version&) -> Result<std::optional<Trial>> { return std::optional<Trial>(); }};
}

TEST(TreeCommandTest, ProposesBothCommands) {
  const auto report = check_tree({}, {.pid = 126, .spec = {}}, Version{{3, 19, 0}}, scripted(container()));
  ASSERT_TRUE(report);
  const Subject& subject = report->subjects.front();
  EXPECT_EQ(subject.verdict, Verdict::warn);
  ASSERT_EQ(subject.commands.size(), 2U);
  EXPECT_TRUE(has(subject.commands[0].second, "mnt[/dev/shm]:/dev/shm"));
  EXPECT_TRUE(has(subject.commands[1].second, "--mntns-compat-mode"));
  EXPECT_TRUE(has(subject.commands[1].second, "/ct"));
  EXPECT_EQ(exit_status(*report, Strictness::normal), 0);
}

TEST(TreeCommandTest, JudgesTheGivenCommand) {
  KcheckOptions options;
  options.passthrough = {"criu", "dump", "-t", "126", "-D", "d", "--enable-external-masters"};
  const auto report = check_tree(options, {.pid = 126, .spec = {}}, v4_1_1, scripted(container()));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->subjects.front().verdict, Verdict::fail);
  EXPECT_TRUE(report->subjects.front().commands.empty());
}

TEST(TreeCommandTest, WhatCannotBeSeenLeavesItOpen) {
  Snapshot tree = plain_tree();
  tree.unseen = {{"the open files of 126 (app)", "CAP_SYS_PTRACE"}};
  const auto report = check_tree({}, {.pid = 126, .spec = {}}, v4_1_1, scripted(tree));
  ASSERT_TRUE(report);
  EXPECT_EQ(exit_status(*report, Strictness::normal), 3);
  EXPECT_TRUE(report->subjects.front().findings.front().fix.contains("CAP_SYS_PTRACE"));
}

}  // namespace
}  // namespace cg::tree
