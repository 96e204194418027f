// Three sources, each for what the one before does not tell: the tables of /proc/PID/net; UNIX_DIAG for who
// is connected to whom; and, for a socket that is in no table (AF_VSOCK, AF_ALG, a TCP socket that is not
// connected), the socket itself through pidfd_getfd(2).
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "probes/netlink.h"
#include "probes/runner.h"
#include "procfs/directory.h"
#include "procfs/scan.h"
#include "tree/collect/collect.h"

namespace cg::tree {
namespace {

using procfs::Directory;
using procfs::Socket;

std::uint64_t socket_inode(const OpenFile& file) {
  constexpr std::string_view prefix = "socket:[";
  if (!file.link.starts_with(prefix)) return 0;
  return procfs::to_number<std::uint64_t>(
             std::string_view(file.link).substr(prefix.size(), file.link.size() - prefix.size() - 1))
      .value_or(0);
}

void keep(Snapshot& snapshot, Result<std::vector<Socket>> sockets) {
  if (!sockets) {
    snapshot.unseen.push_back({"a table of sockets", sockets.error().message});
    return;
  }
  for (auto& socket : *sockets) snapshot.sockets.insert_or_assign(socket.inode, std::move(socket));
}

void read_tables(Snapshot& snapshot, const Directory& task) {
  struct Table {
    const char* file;
    int family, type, protocol;
  };
  for (const Table& table : {Table{"net/tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP},
                             {"net/tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                             Table{"net/udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                             {"net/udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
                             Table{"net/udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
                             Table{"net/udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE},
                             Table{"net/icmp", AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
                             Table{"net/icmp6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6},
                             Table{"net/raw", AF_INET, SOCK_RAW, 0},
                             Table{"net/raw6", AF_INET6, SOCK_RAW, 0}})
    if (const auto text = task.read(table.file))
      keep(snapshot,
           procfs::parse_inet_table(
               *text, {.family = table.family, .type = table.type, .protocol = table.protocol}, table.file));
  // "sk RefCnt Type Proto Iface R Rmem User Inode" and "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode"
  if (const auto text = task.read("net/packet"))
    keep(snapshot, procfs::parse_inode_table(*text, {.family = AF_PACKET}, "net/packet"));
  if (const auto text = task.read("net/netlink"))
    keep(snapshot, procfs::parse_inode_table(*text, {.family = AF_NETLINK}, "net/netlink"));
  if (const auto text = task.read("net/unix")) keep(snapshot, procfs::parse_unix_table(*text, "net/unix"));
}

// A socket belongs to the network namespace of the thread that made it: the thread goes there and ends.
UniqueFd diag_socket_in(const Directory& task) {
  UniqueFd result;
  const UniqueFd net(openat(task.fd(), "ns/net", O_RDONLY | O_CLOEXEC));
  std::thread([&] {
    if (!net || setns(net.get(), CLONE_NEWNET) != 0) return;
    result.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  }).join();
  return result;
}

void take_unix_attributes(Snapshot& snapshot, const char* at, std::size_t size) {
  unix_diag_msg message;
  if (size < sizeof message) return;
  std::memcpy(&message, at, sizeof message);
  Socket& socket = snapshot.sockets[message.udiag_ino];
  socket.inode = message.udiag_ino;
  socket.family = AF_UNIX;
  socket.type = message.udiag_type;
  socket.state = message.udiag_state;
  for (std::size_t next = sizeof message; next + sizeof(nlattr) <= size;) {
    nlattr attribute;
    std::memcpy(&attribute, at + next, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || next + attribute.nla_len > size) return;
    const char* value = at + next + sizeof attribute;
    const std::size_t length = attribute.nla_len - sizeof attribute;
    std::uint32_t number = 0;
    if (length >= sizeof number) std::memcpy(&number, value, sizeof number);
    if (attribute.nla_type == UNIX_DIAG_PEER) socket.peer = number;
    if (attribute.nla_type == UNIX_DIAG_RQLEN) socket.receive_queue = number;
    if (attribute.nla_type == UNIX_DIAG_ICONS)
      for (std::size_t icon = 0; icon + sizeof number <= length; icon += sizeof number) {
        std::memcpy(&number, value + icon, sizeof number);
        snapshot.pending_connections.insert(number);
      }
    next += (attribute.nla_len + 3U) / 4 * 4;
  }
}

bool ask_unix_diag(Snapshot& snapshot, const UniqueFd& diag) {
  probes::NetlinkMessage request(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
  unix_diag_req question{};
  question.sdiag_family = AF_UNIX;
  question.udiag_states = ~0U;
  question.udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
  request.put(question);
  const std::string bytes = request.bytes();
  const timeval limit{2, 0};
  setsockopt(diag.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (send(diag.get(), bytes.data(), bytes.size(), 0) < 0) return false;
  std::vector<char> buffer(1 << 18);
  for (;;) {
    const ssize_t got = recv(diag.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    const auto size = static_cast<std::size_t>(got);
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
      nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof header);
      if (header.nlmsg_len < sizeof header || at + header.nlmsg_len > size) return false;
      if (header.nlmsg_type == NLMSG_DONE) return true;
      if (header.nlmsg_type == NLMSG_ERROR) return false;
      take_unix_attributes(snapshot, buffer.data() + at + sizeof header, header.nlmsg_len - sizeof header);
      at += (header.nlmsg_len + 3U) / 4 * 4;
    }
  }
}

// Asks the socket for its family; the copy of its descriptor is closed at once.
bool ask_the_socket(Snapshot& snapshot, const Task& task, const OpenFile& file, std::uint64_t inode) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, task.pid, 0)));
  const UniqueFd copy(process ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), file.fd, 0)) : -1);
  if (!copy) return false;
  Socket socket;
  socket.inode = inode;
  socket.state = 7;
  for (const auto& [option, value] :
       {std::pair{SO_DOMAIN, &socket.family}, {SO_TYPE, &socket.type}, {SO_PROTOCOL, &socket.protocol}}) {
    socklen_t size = sizeof *value;
    if (getsockopt(copy.get(), SOL_SOCKET, option, value, &size) != 0) return false;
  }
  snapshot.sockets[inode] = socket;
  return true;
}

// CRIU lists the sockets of every kind, and fails at the first one in the tree whose kind was not listed; in
// a network namespace that it dumps it fails at once.
void ask_diags(Snapshot& snapshot) {
  std::set<std::string> asked;
  for (const auto& task : snapshot.tasks)
    for (const auto& file : task.files)
      if (const auto socket = snapshot.sockets.find(socket_inode(file)); socket != snapshot.sockets.end())
        asked.insert(diag_of(socket->second));
  if (snapshot.has_own(Namespace::net)) {
    asked.insert({"unix-diag", "tcp-diag", "udp-diag", "udplite-diag", "packet-diag", "netlink-diag"});
  }
  asked.erase("");
  std::vector<probes::Probe> all;
  for (const auto& name : asked)
    if (const auto* probe = probes::find_probe(name)) all.push_back(*probe);
  probes::Runner runner;
  runner.run(all);
  for (const auto& name : asked)
    if (runner.result(name).status == ProbeResult::Status::fail) snapshot.silent_diags.insert(name);
}

}  // namespace

void collect_sockets(Snapshot& snapshot, const std::filesystem::path& proc) {
  std::set<std::uint64_t> seen_namespaces;
  for (const auto& task : snapshot.tasks) {
    const bool has_sockets =
        std::ranges::any_of(task.files, [](const OpenFile& file) { return socket_inode(file) != 0; });
    if (!has_sockets || !seen_namespaces.insert(task.namespaces[Namespace::net]).second) continue;
    const auto directory = Directory::open(proc / std::to_string(task.pid));
    if (!directory) continue;
    read_tables(snapshot, *directory);
    const bool here = task.namespaces[Namespace::net] == snapshot.own_namespaces[Namespace::net];
    const UniqueFd diag = here ? UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG))
                               : diag_socket_in(*directory);
    if (!diag || !ask_unix_diag(snapshot, diag))
      snapshot.unseen.push_back(
          {"who is connected to the UNIX sockets of " + task.name(),
           here ? "a kernel with UNIX_DIAG" : "CAP_SYS_ADMIN, and a kernel with UNIX_DIAG"});
  }
  bool may_ask = true;
  for (const auto& task : snapshot.tasks) {
    for (const auto& file : task.files) {
      const std::uint64_t inode = socket_inode(file);
      if (inode == 0 || snapshot.sockets.contains(inode)) continue;
      if (may_ask && ask_the_socket(snapshot, task, file, inode)) continue;
      may_ask = may_ask && errno != ENOSYS && errno != EPERM;
      snapshot.unseen.push_back(
          {fmt::format("what kind of socket {} of {} is", file.label, task.name()), "CAP_SYS_PTRACE"});
    }
  }
  ask_diags(snapshot);
}

}  // namespace cg::tree
