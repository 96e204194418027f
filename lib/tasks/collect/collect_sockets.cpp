// Three sources, each for what the one before does not tell: the tables of /proc/PID/net; UNIX_DIAG for who
// is connected to whom; and, for a socket that is in no table (AF_VSOCK, AF_ALG, a TCP socket that is not
// connected), the socket itself through pidfd_getfd(2).
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "probes/netlink.h"
#include "probes/runner.h"
#include "procfs/directory.h"
#include "procfs/scan.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/net_socket.h"

namespace cg::tree {
namespace {

using procfs::Directory;
using procfs::Socket;

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
    keep(snapshot, procfs::parse_inode_table(*text, {.family = AF_PACKET}, 6, "net/packet"));
  if (const auto text = task.read("net/netlink"))
    keep(snapshot, procfs::parse_inode_table(*text, {.family = AF_NETLINK}, 4, "net/netlink"));
}

void take_unix_attributes(Snapshot& snapshot, std::string_view bytes) {
  unix_diag_msg message;
  if (bytes.size() < sizeof message) return;
  std::memcpy(&message, bytes.data(), sizeof message);
  Socket& socket = snapshot.sockets[message.udiag_ino];
  socket.inode = message.udiag_ino;
  socket.family = AF_UNIX;
  socket.type = message.udiag_type;
  socket.state = message.udiag_state;
  each_attribute(bytes.substr(sizeof message), [&](int type, std::string_view value) {
    std::uint32_t number = 0;
    if (type == UNIX_DIAG_PEER && value.size() >= sizeof number) {
      std::memcpy(&number, value.data(), sizeof number);
      socket.peer = number;
    }
    if (type == UNIX_DIAG_NAME && !value.empty()) {
      // An abstract name begins with a NUL, one in a file system may end with one.
      socket.name = value.front() == '\0' ? "@" + std::string(value.substr(1))
                                          : std::string(value.substr(0, value.find('\0')));
    }
    if (unix_diag_rqlen queues; type == UNIX_DIAG_RQLEN && value.size() >= sizeof queues) {
      std::memcpy(&queues, value.data(), sizeof queues);
      socket.receive_queue = queues.udiag_rqueue;
      socket.send_queue = queues.udiag_wqueue;
    }
    if (type == UNIX_DIAG_ICONS)
      for (; value.size() >= sizeof number; value.remove_prefix(sizeof number)) {
        std::memcpy(&number, value.data(), sizeof number);
        snapshot.pending_connections.emplace(number, message.udiag_ino);
      }
  });
}

bool ask_unix_diag(Snapshot& snapshot, const UniqueFd& diag) {
  probes::NetlinkMessage request(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
  unix_diag_req question{};
  question.sdiag_family = AF_UNIX;
  question.udiag_states = ~0U;
  question.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
  request.put(question);
  return ask_netlink(diag, request.bytes(),
                     [&](int, std::string_view message) { take_unix_attributes(snapshot, message); });
}

// Asks the socket for its family; the copy of its descriptor is closed at once.
bool ask_the_socket(Snapshot& snapshot, const Task& task, const OpenFile& file, std::uint64_t inode) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, task.pid, 0)));
  const UniqueFd copy(process ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), file.fd, 0)) : -1);
  if (!copy) return false;
  Socket socket;
  socket.inode = inode;
  constexpr int closed = 7;
  socket.state = closed;
  for (const auto& [option, value] :
       {std::pair{SO_DOMAIN, &socket.family}, {SO_TYPE, &socket.type}, {SO_PROTOCOL, &socket.protocol}}) {
    socklen_t size = sizeof *value;
    if (getsockopt(copy.get(), SOL_SOCKET, option, value, &size) != 0) return false;
  }
  // A connection that the peer has reset is closed, and keeps the peer's address.
  // The kernel wants to be asked for exactly the length of the family's addresses.
  sockaddr_in6 peer{};
  socklen_t size = socket.family == AF_INET ? sizeof(sockaddr_in) : sizeof peer;
  constexpr int peer_name = 28;  // SO_PEERNAME: where getpeername(2) says ENOTCONN
  if (socket.family == AF_INET || socket.family == AF_INET6)
    socket.knows_peer = getsockopt(copy.get(), SOL_SOCKET, peer_name, &peer, &size) == 0 &&
                        peer.sin6_port != 0;  // as sin_port
  snapshot.sockets[inode] = socket;
  return true;
}

struct SocketOption {
  int level = 0;
  int name = 0;
};

bool has_one_of(const Task& task, const OpenFile& file, std::initializer_list<SocketOption> options) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, task.pid, 0)));
  const UniqueFd copy(process ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), file.fd, 0)) : -1);
  return copy && std::ranges::any_of(options, [&](const SocketOption& option) {
           int value = 0;
           socklen_t size = sizeof value;
           return getsockopt(copy.get(), option.level, option.name, &value, &size) == 0 && value != 0;
         });
}

bool is_corked(const Task& task, const OpenFile& file) {
  return has_one_of(task, file, {{IPPROTO_UDP, 1 /* UDP_CORK */}});
}

// A stream has no times: the kernel gives them with messages only.
bool tells_sender(const Task& task, const OpenFile& file, int type) {
  if (has_one_of(task, file, {{SOL_SOCKET, SO_PASSCRED}})) return true;
  return type != SOCK_STREAM &&
         has_one_of(task, file, {{SOL_SOCKET, SO_TIMESTAMP}, {SOL_SOCKET, SO_TIMESTAMPNS}});
}

// SO_PASSSEC tells nothing without a security module that labels sockets.
bool tells_more(const Task& task, const OpenFile& file, int type) {
  constexpr int pass_security = 34, time_new = 63, nanoseconds_new = 64, pass_pidfd = 76;
  if (has_one_of(task, file, {{SOL_SOCKET, pass_pidfd}})) return true;
  if (type != SOCK_STREAM && has_one_of(task, file, {{SOL_SOCKET, time_new}, {SOL_SOCKET, nanoseconds_new}}))
    return true;
  const bool labels = access("/sys/fs/selinux/enforce", F_OK) == 0 || access("/sys/fs/smackfs", F_OK) == 0;
  return labels && has_one_of(task, file, {{SOL_SOCKET, pass_security}});
}

// CRIU lists the sockets of every kind, and fails at the first one in the tree whose kind was not listed; in
// a network namespace that it dumps it fails at once.
void ask_diags(Snapshot& snapshot) {
  std::set<std::string> asked;
  for (const auto& task : snapshot.tasks)
    for (const auto& file : task.files)
      if (const auto socket = snapshot.sockets.find(file.socket); socket != snapshot.sockets.end())
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
  const auto has_sockets = [](const Task& task) {
    return std::ranges::any_of(task.files, [](const OpenFile& file) { return file.socket != 0; });
  };
  if (std::ranges::none_of(snapshot.tasks, has_sockets)) return ask_diags(snapshot);
  std::set<std::uint64_t> seen_namespaces;
  for (const auto& task : snapshot.tasks) {
    // CRIU lists those of the root task's network namespace always: a peer may be there.
    const bool asked = &task == &snapshot.root() || has_sockets(task);
    if (!asked || !seen_namespaces.insert(task.namespaces[Namespace::net]).second) continue;
    const auto directory = Directory::open(proc / std::to_string(task.pid));
    if (!directory) continue;
    read_tables(snapshot, *directory);
    const bool here = task.namespaces[Namespace::net] == snapshot.own_namespaces[Namespace::net];
    const UniqueFd diag = here ? UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG))
                               : netlink_socket_in(*directory, NETLINK_SOCK_DIAG);
    if (diag && ask_unix_diag(snapshot, diag)) continue;
    if (const auto text = directory->read("net/unix"))
      keep(snapshot, procfs::parse_unix_table(*text, "net/unix"));
    snapshot.unseen.push_back(
        {"who is connected to the UNIX sockets of " + task.name(),
         here ? "a kernel with UNIX_DIAG" : "CAP_SYS_ADMIN, and a kernel with UNIX_DIAG"});
  }
  bool may_ask = true;
  for (const auto& task : snapshot.tasks) {
    for (const auto& file : task.files) {
      const std::uint64_t inode = file.socket;
      if (inode == 0) continue;
      if (const auto known = snapshot.sockets.find(inode); known != snapshot.sockets.end()) {
        Socket& socket = known->second;
        if (socket.type == SOCK_DGRAM && (socket.family == AF_INET || socket.family == AF_INET6))
          socket.corked = is_corked(task, file);
        if (socket.family == AF_UNIX && socket.receive_queue != 0) {
          socket.tells_sender = tells_sender(task, file, socket.type);
          socket.tells_more = tells_more(task, file, socket.type);
        }
        continue;
      }
      if (may_ask && ask_the_socket(snapshot, task, file, inode)) continue;
      may_ask = may_ask && errno != ENOSYS && errno != EPERM;
      snapshot.unseen.push_back(
          {fmt::format("what kind of socket {} of {} is", file.label, task.name()), "CAP_SYS_PTRACE"});
    }
  }
  ask_diags(snapshot);
}

}  // namespace cg::tree
