#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

using procfs::Socket;

constexpr int established = 1;
constexpr int closed = 7;
constexpr int listening = 10;
constexpr int time_wait = 6;

#ifndef IPPROTO_MPTCP
constexpr int IPPROTO_MPTCP = 262;
#endif

class SocketCheck {
 public:
  SocketCheck(const Question& question, Hindrances& found) : question_(question), found_(found) {}
  void run();

 private:
  void check(const Socket& socket, const std::string& object);
  void check_diag(const Socket& socket, const std::string& object);
  void check_unix(const Socket& socket, const std::string& object);
  void check_peer(const Socket& socket, const std::string& object);
  void check_closed_clients(const Socket& socket, const std::string& object);
  void check_netlink(const Socket& socket, const std::string& object);
  void check_reset(const Socket& socket, const std::string& object);
  void check_inet(const Socket& socket, const std::string& object);

  const Question& question_;
  Hindrances& found_;
  std::set<std::uint64_t> owned_;
  std::set<std::string> told_;  // probes of sock_diag
};

std::string family_name(int family) {
  switch (family) {
    case AF_VSOCK:
      return "AF_VSOCK";
    case AF_ALG:
      return "AF_ALG";
    case AF_XDP:
      return "AF_XDP";
    case AF_CAN:
      return "AF_CAN";
    case AF_TIPC:
      return "AF_TIPC";
    case AF_BLUETOOTH:
      return "AF_BLUETOOTH";
    case AF_QIPCRTR:
      return "AF_QIPCRTR";
    default:
      return fmt::format("family {}", family);
  }
}

void SocketCheck::check_unix(const Socket& socket, const std::string& object) {
  if (socket.peer != 0) return check_peer(socket, object);
  if (socket.state == listening) return check_closed_clients(socket, object);
  const auto pending = question_.tree.pending_connections.find(socket.inode);
  if (socket.type == SOCK_DGRAM || socket.state != established ||
      pending == question_.tree.pending_connections.end())
    return;
  if (socket.send_queue != 0)
    found_.push_back(
        {.id = "tree.unix-in-flight",
         .title = "a UNIX connection that nobody has accepted yet, with data under way",
         .object = object,
         .prints = fmt::format("Non-empty write queue on an in-flight socket {:#x}", socket.inode),
         .fix = "let the server accept it first",
         .source = "v4.2:criu/sk-unix.c"});
  else if (!owned_.contains(pending->second))
    found_.push_back({.id = "tree.unix-in-flight-outside",
                      .title = "a UNIX connection that a server outside of the tree has not accepted yet",
                      .object = object,
                      .prints = fmt::format("Peer {:#x} unresolved for {:#x}", pending->second, socket.inode),
                      .fix = "the dump goes through, the restore does not: let the server accept it first",
                      .source = "v4.2:criu/sk-unix.c",
                      .severity = "restore"});
}

// A client that has gone before it was accepted: CRIU cannot ask it what it has sent.
void SocketCheck::check_closed_clients(const Socket& socket, const std::string& object) {
  const auto [begin, end] = question_.tree.pending_connections.equal_range(0);
  if (std::ranges::none_of(begin, end, [&](const auto& entry) { return entry.second == socket.inode; }))
    return;
  found_.push_back({.id = "tree.unix-in-flight-closed",
                    .title = "a UNIX connection that was closed again before anybody accepted it",
                    .object = object,
                    .prints = fmt::format("Found a closed in-flight socket to {:#x}", socket.inode),
                    .fix = "let the server accept it first",
                    .source = "v4.2:criu/sk-unix.c:530"});
}

void SocketCheck::check_peer(const Socket& socket, const std::string& object) {
  const bool datagram = socket.type == SOCK_DGRAM;
  const auto peer = question_.tree.sockets.find(socket.peer);
  if (peer == question_.tree.sockets.end()) {
    found_.push_back(
        {.id = "tree.unix-peer-elsewhere",
         .title = "a UNIX socket connected to one in another network namespace",
         .object = fmt::format("{}, connected to {}", object, socket.peer),
         .prints = fmt::format("Unix socket {} without peer {}", socket.inode, socket.peer),
         .fix = "no option clears it (--external is not looked at): the program must close the connection "
                "before the dump",
         .source = "v4.2:criu/sk-unix.c:418"});
    return;
  }
  if (peer->second.peer != socket.inode && peer->second.name.empty()) {
    found_.push_back({.id = "tree.unix-peer-unreachable",
                      .title = "a UNIX socket connected to one without a name that is connected elsewhere",
                      .object = fmt::format("{}, connected to {}", object, socket.peer),
                      .prints = fmt::format("Unix socket {} with unreachable peer {} ({})", socket.inode,
                                            socket.peer, peer->second.peer),
                      .fix = "no option clears it: the program must close the connection before the dump",
                      .source = "v4.2:criu/sk-unix.c:429"});
    return;
  }
  if (owned_.contains(socket.peer)) return;
  const bool peer_has_name = !peer->second.name.empty();
  const std::string key = fmt::format("unix[{}]", socket.inode);
  if (question_.options.external_keys.contains(key)) return;
  if (datagram && peer_has_name && question_.options.unix_sockets) return;
  Hindrance hindrance{
      .id = "tree.unix-outside",
      .title = "a UNIX socket connected to a process outside of the tree",
      .object = fmt::format("{}, connected to {}{}", object, socket.peer,
                            peer_has_name ? " " + peer->second.name : std::string()),
      .prints = "External socket is used. Consider using --ext-unix-sk option.",
      .fix = fmt::format(
          "--external {}, and on restore a connected socket in its place (--ext-unix-sk is only for "
          "datagram sockets with a name)",
          key),
      .source = "v4.2:criu/sk-unix.c:874",
      .dump_options = {"--external", key},
      .restore_options = {"--inherit-fd", fmt::format("fd[N]:socket:[{}]", socket.inode)}};
  if (question_.options.unix_sockets)
    hindrance.prints =
        datagram ? "Can't dump name-less external socket." : "Can't dump half of stream unix connection.";
  if (datagram && peer_has_name) {
    hindrance.fix = "--ext-unix-sk, on dump and restore: it is connected to the same name again";
    hindrance.dump_options = hindrance.restore_options = {"--ext-unix-sk"};
  }
  found_.push_back(std::move(hindrance));
}

void SocketCheck::check_netlink(const Socket& socket, const std::string& object) {
  if (socket.receive_queue == 0) return;
  found_.push_back(
      {.id = "tree.netlink-unread",
       .title = "a netlink socket with data that nobody has read",
       .object = fmt::format("{}, {} bytes", object, socket.receive_queue),
       .prints = "The socket has data to read",
       .fix = "no option clears it: the program must read it, or close the socket, before the dump",
       .source = "v4.2:criu/sk-netlink.c:77"});
}

void SocketCheck::check_inet(const Socket& socket, const std::string& object) {
  const auto& options = question_.options;
  const bool ping = socket.protocol == IPPROTO_ICMP || socket.protocol == IPPROTO_ICMPV6;
  const bool known = socket.protocol == 0 || socket.protocol == IPPROTO_TCP ||
                     socket.protocol == IPPROTO_UDP || socket.protocol == IPPROTO_UDPLITE ||
                     (ping && question_.criu >= Version{{4, 2, 0}});
  if (socket.type != SOCK_RAW && !known) {
    found_.push_back(
        {.id = "tree.socket-protocol",
         .title = "a protocol that CRIU does not know",
         .object = fmt::format("{}, protocol {}", object, socket.protocol),
         .prints = fmt::format("Unsupported proto {} for socket {:x}", socket.protocol, socket.inode),
         .fix = socket.protocol == IPPROTO_MPTCP
                    ? "turn multipath TCP off: GODEBUG=multipathtcp=0 for programs in Go, sysctl "
                      "net.mptcp.enabled=0, or CONFIG_MPTCP=n"
                : ping ? "CRIU dumps ICMP sockets since 4.2"
                       : "the program must close it before the dump",
         .source = "v4.2:criu/sk-inet.c:137"});
    return;
  }
  if (socket.corked)
    found_.push_back({.id = "tree.udp-corked",
                      .title = "a UDP socket that holds back what is sent (UDP_CORK)",
                      .object = object,
                      .prints = fmt::format("Can't dump corked dgram socket {:x}", socket.inode),
                      .fix = "no option clears it: the program must let it go first",
                      .source = "v4.2:criu/sk-inet.c"});
  if (socket.protocol != IPPROTO_TCP || socket.type != SOCK_STREAM) return;
  if (socket.knows_peer && socket.state == closed) return check_reset(socket, object);
  if (socket.state == listening) {
    if (socket.receive_queue != 0 && !options.skip_in_flight)
      found_.push_back({.id = "tree.tcp-in-flight",
                        .title = "connections that nobody has accepted yet",
                        .object = fmt::format("{}, {} waiting", object, socket.receive_queue),
                        .prints = fmt::format("In-flight connection (l) for {:x}", socket.inode),
                        .fix = "--skip-in-flight: they are lost",
                        .source = "v4.2:criu/sk-inet.c",
                        .dump_options = {"--skip-in-flight"}});
    return;
  }
  if (socket.state == closed || socket.state == time_wait || options.tcp_established || options.tcp_close)
    return;
  found_.push_back({.id = "tree.tcp-connected",
                    .title = "a TCP connection",
                    .object = object,
                    .prints = "Connected TCP socket, consider using --tcp-established option.",
                    .fix =
                        "--tcp-established, on dump and restore (the addresses must be the same there), or "
                        "--tcp-close, which drops the connection",
                    .source = "v4.2:criu/sk-inet.c:200",
                    .dump_options = {"--tcp-established"},
                    .restore_options = {"--tcp-established"}});
}

// CRIU keeps the peer's address, and takes it for a connection on restore.
void SocketCheck::check_reset(const Socket&, const std::string& object) {
  found_.push_back({.id = "tree.tcp-reset",
                    .title = "a TCP connection that the peer has reset",
                    .object = object,
                    .prints = "Connected TCP socket in image",
                    .fix = "--tcp-close on restore; or the program must close it before the dump",
                    .source = "v4.2:criu/sk-inet.c:912",
                    .verdict = Verdict::warn,
                    .severity = "restore",
                    .restore_options = {"--tcp-close"}});
}

void SocketCheck::check_diag(const Socket& socket, const std::string& object) {
  const std::string probe = diag_of(socket);
  if (!question_.tree.silent_diags.contains(probe) || !told_.insert(probe).second) return;
  const int protocol = probe == "tcp-diag"       ? static_cast<int>(IPPROTO_TCP)
                       : probe == "udp-diag"     ? static_cast<int>(IPPROTO_UDP)
                       : probe == "udplite-diag" ? static_cast<int>(IPPROTO_UDPLITE)
                       : probe == "raw-diag"     ? static_cast<int>(IPPROTO_RAW)
                                                 : 0;
  found_.push_back(
      {.id = "tree.socket-diag",
       .title = "a socket of a kind that the kernel does not list",
       .object = object,
       .prints = fmt::format("Sockets (family {} proto {}) are not collected", socket.family, protocol),
       .fix = fmt::format("a kernel with it, or close the socket before the dump: `kcheck --criu` tells the "
                          "symbol under kernel.{}",
                          probe),
       .source = "v4.2:criu/sockets.c:448"});
}

void SocketCheck::check(const Socket& socket, const std::string& object) {
  check_diag(socket, object);
  switch (socket.family) {
    case AF_UNIX:
      return check_unix(socket, object);
    case AF_INET:
    case AF_INET6:
      return check_inet(socket, object);
    case AF_NETLINK:
      return check_netlink(socket, object);
    case AF_PACKET:
      return;
    default:
      found_.push_back({.id = "tree.socket-family",
                        .title = "a family of sockets that CRIU does not know",
                        .object = fmt::format("{}, {}", object, family_name(socket.family)),
                        .prints = fmt::format("BUG! Unknown socket collected (family {})", socket.family),
                        .fix = "no option clears it: the program must close it before the dump",
                        .source = "v4.2:criu/sockets.c:767"});
  }
}

void SocketCheck::run() {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (const auto& task : question_.tree.tasks)
    for (const auto& file : task.files) {
      if (file.socket == 0) continue;
      const std::uint64_t inode = file.socket;
      if (owned_.insert(inode).second)
        all.emplace_back(inode, fmt::format("{} of {}", file.label, task.name()));
    }
  for (const auto& [inode, object] : all)
    if (const auto socket = question_.tree.sockets.find(inode); socket != question_.tree.sockets.end())
      check(socket->second, object);
  if (question_.tree.has_own(Namespace::net) && !question_.tree.silent_diags.empty())
    found_.push_back(
        {.id = "tree.network-namespace-diag",
         .title = "a network namespace of its own, and not every kind of socket is listed by the kernel",
         .object = join({question_.tree.silent_diags.begin(), question_.tree.silent_diags.end()}, ", "),
         .prints = "Sockets collect procedure family F proto P",
         .fix =
             "a kernel with them (`kcheck --criu` tells the symbols), or let the tree share CRIU's network "
             "namespace",
         .source = "v4.2:criu/sockets.c:998"});
}

}  // namespace

void check_sockets(const Question& question, Hindrances& found) {
  SocketCheck(question, found).run();
}

}  // namespace cg::tree
