#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <set>

#include "base/text.h"
#include "procfs/scan.h"
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
  SocketCheck(const Question& question, Findings& found) : question_(question), found_(found) {}
  void run();

 private:
  void check(const Socket& socket, const std::string& object);
  void check_diag(const Socket& socket, const std::string& object);
  void check_unix(const Socket& socket, const std::string& object);
  void check_inet(const Socket& socket, const std::string& object);

  const Question& question_;
  Findings& found_;
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
  const bool datagram = socket.type == SOCK_DGRAM;
  if (socket.peer != 0) {
    if (owned_.contains(socket.peer)) return;
    const auto peer = question_.tree.sockets.find(socket.peer);
    const bool peer_has_name = peer != question_.tree.sockets.end() && !peer->second.name.empty();
    const std::string key = fmt::format("unix[{}]", socket.inode);
    if (question_.options.external_keys.contains(key)) return;
    if (datagram && peer_has_name && question_.options.unix_sockets) return;
    const std::string_view wording = datagram && peer_has_name         ? "datagram with a name"
                                     : !question_.options.unix_sockets ? ""
                                     : datagram                        ? "nameless under --ext-unix-sk"
                                                                       : "stream under --ext-unix-sk";
    found_.add({"unix-outside", wording},
               fmt::format("{}, connected to {}{}", object, socket.peer,
                           peer_has_name ? " " + peer->second.name : std::string()),
               {{"key", key}, {"inode", std::to_string(socket.inode)}});
    return;
  }
  if (!datagram && socket.state == established && question_.tree.pending_connections.contains(socket.inode) &&
      socket.receive_queue != 0)
    found_.add({"unix-in-flight"}, object, {{"inode", fmt::format("{:#x}", socket.inode)}});
}

void SocketCheck::check_inet(const Socket& socket, const std::string& object) {
  const auto& options = question_.options;
  const bool ping = socket.protocol == IPPROTO_ICMP || socket.protocol == IPPROTO_ICMPV6;
  const bool known = socket.protocol == 0 || socket.protocol == IPPROTO_TCP ||
                     socket.protocol == IPPROTO_UDP || socket.protocol == IPPROTO_UDPLITE ||
                     (ping && question_.criu >= Version{{4, 2, 0}});
  if (socket.type != SOCK_RAW && !known) {
    found_.add({"socket-protocol", socket.protocol == IPPROTO_MPTCP ? "mptcp"
                                   : ping                           ? "icmp"
                                                                    : ""},
               fmt::format("{}, protocol {}", object, socket.protocol),
               {{"protocol", std::to_string(socket.protocol)}, {"inode", fmt::format("{:x}", socket.inode)}});
    return;
  }
  if (socket.protocol != IPPROTO_TCP || socket.type != SOCK_STREAM) return;
  if (socket.state == listening) {
    if (socket.receive_queue != 0 && !options.skip_in_flight)
      found_.add({"tcp-in-flight"}, fmt::format("{}, {} waiting", object, socket.receive_queue),
                 {{"inode", fmt::format("{:x}", socket.inode)}});
    return;
  }
  if (socket.state == closed || socket.state == time_wait || options.tcp_established || options.tcp_close)
    return;
  found_.add({"tcp-connected"}, object);
}

void SocketCheck::check_diag(const Socket& socket, const std::string& object) {
  const std::string probe = diag_of(socket);
  if (!question_.tree.silent_diags.contains(probe) || !told_.insert(probe).second) return;
  const int protocol = probe == "tcp-diag"       ? static_cast<int>(IPPROTO_TCP)
                       : probe == "udp-diag"     ? static_cast<int>(IPPROTO_UDP)
                       : probe == "udplite-diag" ? static_cast<int>(IPPROTO_UDPLITE)
                       : probe == "raw-diag"     ? static_cast<int>(IPPROTO_RAW)
                                                 : 0;
  found_.add(
      {"socket-diag"}, object,
      {{"family", std::to_string(socket.family)}, {"protocol", std::to_string(protocol)}, {"probe", probe}});
}

void SocketCheck::check(const Socket& socket, const std::string& object) {
  check_diag(socket, object);
  switch (socket.family) {
    case AF_UNIX:
      return check_unix(socket, object);
    case AF_INET:
    case AF_INET6:
      return check_inet(socket, object);
    case AF_PACKET:
    case AF_NETLINK:
      return;
    default:
      found_.add({"socket-family"}, fmt::format("{}, {}", object, family_name(socket.family)),
                 {{"family", std::to_string(socket.family)}});
  }
}

void SocketCheck::run() {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (const auto& task : question_.tree.tasks)
    for (const auto& file : task.files) {
      if (!file.link.starts_with("socket:[")) continue;
      const auto inode =
          procfs::to_number<std::uint64_t>(std::string_view(file.link).substr(8, file.link.size() - 9))
              .value_or(0);
      if (owned_.insert(inode).second)
        all.emplace_back(inode, fmt::format("{} of {}", file.label, task.name()));
    }
  for (const auto& [inode, object] : all)
    if (const auto socket = question_.tree.sockets.find(inode); socket != question_.tree.sockets.end())
      check(socket->second, object);
  if (question_.tree.has_own(Namespace::net) && !question_.tree.silent_diags.empty())
    found_.add({"network-namespace-diag"},
               join({question_.tree.silent_diags.begin(), question_.tree.silent_diags.end()}, ", "),
               {{"family", "F"}, {"protocol", "P"}});
}

}  // namespace

void check_sockets(const Question& question, Findings& found) {
  SocketCheck(question, found).run();
}

}  // namespace cg::tree
