// Single checks of a tree, each with its opposite: what the lab shows by CRIU itself is held here without a
// guest.
#include "tasks/checks/checks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "criu/options.h"
#include "plain_tree.h"

namespace cg::tree {
namespace {

const Version v4_1_1{{4, 1, 1}};

class Checks : public testing::Test {
 protected:
  std::vector<std::string> ids(const std::vector<std::string>& words = {}) const {
    const DumpOptions given(parse_criu_command(builtin_option_table().value(), v4_1_1, words));
    std::vector<std::string> result;
    for (const auto& finding : check_all({tree, v4_1_1, given})) result.push_back(finding.id);
    return result;
  }
  using Ids = std::vector<std::string>;

  void own(Namespace kind) {
    tree.tasks[0].namespaces.inode[static_cast<std::size_t>(kind)] = 2;
    tree.own_namespaces.inode[static_cast<std::size_t>(kind)] = 1;
  }

  Snapshot tree = plain_tree();
};

TEST_F(Checks, ATreeInAPidNamespaceBeginsWithItsInit) {
  own(Namespace::pid);
  tree.tasks[0].status.pid = tree.tasks[0].status.sid = {126, 1};
  EXPECT_EQ(ids(), Ids{});
  tree.tasks[0].status.pid = tree.tasks[0].status.sid = {126, 7};
  EXPECT_EQ(ids(), Ids{"tree.pid-namespace-without-init"});
  EXPECT_EQ(ids({"--external", "pid[2]:p"}), Ids{});
}

TEST_F(Checks, APipeHasBothEndsInside) {
  const auto end = [](int fd, unsigned flags) {
    OpenFile file{"fd " + std::to_string(fd), fd, "pipe:[11]", FileStat{}, procfs::FdInfo{}};
    file.stat->mode = S_IFIFO | 0600;
    file.info->flags = flags;
    return file;
  };
  for (const unsigned access : {O_RDONLY, O_WRONLY}) {
    tree.tasks[0].files = {end(3, access)};
    EXPECT_EQ(ids(), Ids{"tree.pipe-outside"}) << access;
  }
  tree.tasks[0].files = {end(3, O_RDONLY), end(4, O_WRONLY)};
  EXPECT_EQ(ids(), Ids{});
  tree.tasks[0].files = {end(3, O_RDWR)};
  EXPECT_EQ(ids(), Ids{});
}

// A mountpoint of a nested mount namespace is another place than that of the root's, whatever it is called.
TEST_F(Checks, AMountIsNamedInTheRootsNamespaceOnly) {
  own(Namespace::mount);
  Task child = tree.tasks[0];
  child.pid = 127;
  child.parent = 126;
  child.status.pid = {127};
  child.namespaces.inode[static_cast<std::size_t>(Namespace::mount)] = 3;
  tree.tasks.push_back(child);
  const auto mounts = [](const std::string& type) {
    return procfs::parse_mountinfo(
               "30 20 254:0 / / rw - ext4 /dev/vda rw\n"
               "31 30 0:50 / /strange rw - " +
               type + " strange rw\n")
        .value();
  };
  tree.mounts = {{2, mounts("nfs")}, {3, mounts("tmpfs")}};
  EXPECT_EQ(ids(), Ids{"tree.mount-unsupported"});
  EXPECT_EQ(ids({"--external", "mnt[/strange]:s"}), Ids{});
  tree.mounts = {{2, mounts("tmpfs")}, {3, mounts("nfs")}};
  EXPECT_EQ(ids({"--external", "mnt[/strange]:s"}), Ids{"tree.mount-unsupported"});
}

TEST_F(Checks, AConnectionWantsItsOption) {
  OpenFile file{"fd 4", 4, "socket:[9]", {}, {}};
  file.socket = 9;
  tree.tasks[0].files = {file};
  procfs::Socket socket;
  socket.inode = 9;
  socket.family = AF_INET;
  socket.type = SOCK_STREAM;
  socket.protocol = IPPROTO_TCP;
  socket.state = TCP_ESTABLISHED;
  tree.sockets[9] = socket;
  EXPECT_EQ(ids(), Ids{"tree.tcp-connected"});
  for (const char* option : {"--tcp-established", "--tcp-close"}) EXPECT_EQ(ids({option}), Ids{}) << option;
}

}  // namespace
}  // namespace cg::tree
