#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "tasks/checks/checks.h"

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

// Who holds the socket; in words only when there is something to say.
struct Holder {
  const Task* task = nullptr;
  const OpenFile* file = nullptr;
  std::string text() const { return fmt::format("{} of {}", file->label, task->name()); }
};

class SocketCheck {
 public:
  SocketCheck(const Question& question, Findings& found) : question_(question), found_(found) {}
  void run();

 private:
  void check(const Socket& socket, const Holder& holder);
  void check_diag(const Socket& socket, const Holder& holder);
  void check_unix(const Socket& socket, const Holder& holder);
  void check_peer(const Socket& socket, const Holder& holder);
  void check_inet(const Socket& socket, const Holder& holder);

  const Question& question_;
  Findings& found_;
  std::unordered_set<std::uint64_t> owned_;
  std::set<std::string> told_;  // probes of sock_diag
};

// Where the kernel does not list these, CRIU asks the socket itself. 4.2.1 is the first that knows UDP-Lite
// to be gone from Linux.
bool is_optional_diag(std::string_view probe, const Version& criu) {
  return probe == "raw-diag" || (probe == "udplite-diag" && criu >= Version{{4, 2, 1}});
}

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

void SocketCheck::check_unix(const Socket& socket, const Holder& holder) {
  // From 4.3 on criu reads past credentials and times, but not past the newer form of these.
  const bool is_refused = socket.tells_more || (socket.tells_sender && question_.criu < Version{{4, 3, 0}});
  if (is_refused && socket.receive_queue != 0 && socket.state != listening)
    found_.add({"unix-sender-queued"}, holder.text());
  if (socket.peer != 0) return check_peer(socket, holder);
  const auto& pending = question_.tree.pending_connections;
  const std::string inode = fmt::format("{:#x}", socket.inode);
  if (socket.state == listening) {
    // A client that has gone before it was accepted: CRIU cannot ask it what it has sent.
    const auto [begin, end] = pending.equal_range(0);
    if (std::any_of(begin, end, [&](const auto& entry) { return entry.second == socket.inode; }))
      found_.add({"unix-in-flight-closed"}, holder.text(), {{"inode", inode}});
    return;
  }
  const auto waits = pending.find(socket.inode);
  if (socket.type == SOCK_DGRAM || socket.state != established || waits == pending.end()) return;
  if (socket.send_queue != 0)
    found_.add({"unix-in-flight"}, holder.text(), {{"inode", inode}});
  else if (!owned_.contains(waits->second))
    found_.add({"unix-in-flight-outside"}, holder.text(),
               {{"server", std::to_string(waits->second)}, {"inode", std::to_string(socket.inode)}});
}

void SocketCheck::check_peer(const Socket& socket, const Holder& holder) {
  const bool datagram = socket.type == SOCK_DGRAM;
  const auto peer = question_.tree.sockets.find(socket.peer);
  const std::string inode = std::to_string(socket.inode);
  const auto connected = [&] { return fmt::format("{}, connected to {}", holder.text(), socket.peer); };
  if (peer == question_.tree.sockets.end()) {
    found_.add({"unix-peer-elsewhere"}, connected(),
               {{"inode", inode}, {"peer", std::to_string(socket.peer)}});
    return;
  }
  const bool peer_has_name = !peer->second.name.empty();
  if (peer->second.peer != socket.inode && !peer_has_name) {
    found_.add({"unix-peer-unreachable"}, connected(),
               {{"inode", inode},
                {"peer", std::to_string(socket.peer)},
                {"other", std::to_string(peer->second.peer)}});
    return;
  }
  const std::string key = fmt::format("unix[{}]", socket.inode);
  if (owned_.contains(socket.peer) || question_.options.external_keys.contains(key)) return;
  if (datagram && peer_has_name && question_.options.unix_sockets) return;
  const std::string_view wording = datagram && peer_has_name         ? "datagram with a name"
                                   : !question_.options.unix_sockets ? ""
                                   : datagram                        ? "nameless under --ext-unix-sk"
                                                                     : "stream under --ext-unix-sk";
  found_.add({"unix-outside", wording}, peer_has_name ? connected() + " " + peer->second.name : connected(),
             {{"key", key}, {"inode", inode}});
}

void SocketCheck::check_inet(const Socket& socket, const Holder& holder) {
  const auto& options = question_.options;
  const bool ping = socket.protocol == IPPROTO_ICMP || socket.protocol == IPPROTO_ICMPV6;
  const bool known = socket.protocol == 0 || socket.protocol == IPPROTO_TCP ||
                     socket.protocol == IPPROTO_UDP || socket.protocol == IPPROTO_UDPLITE ||
                     (ping && question_.criu >= Version{{4, 2, 0}});
  if (socket.type != SOCK_RAW && !known) {
    found_.add({"socket-protocol", socket.protocol == IPPROTO_MPTCP ? "mptcp"
                                   : ping                           ? "icmp"
                                                                    : ""},
               fmt::format("{}, protocol {}", holder.text(), socket.protocol),
               {{"protocol", std::to_string(socket.protocol)}, {"inode", fmt::format("{:x}", socket.inode)}});
    return;
  }
  if (socket.corked)
    found_.add({"udp-corked"}, holder.text(), {{"inode", fmt::format("{:x}", socket.inode)}});
  if (socket.protocol != IPPROTO_TCP || socket.type != SOCK_STREAM) return;
  // CRIU keeps the peer's address, and takes it for a connection on restore.
  if (socket.state == closed && socket.knows_peer && !options.tcp_established && !options.tcp_close)
    found_.add({"tcp-reset"}, holder.text());
  if (socket.state == listening) {
    if (socket.receive_queue != 0 && !options.skip_in_flight)
      found_.add({"tcp-in-flight"}, fmt::format("{}, {} waiting", holder.text(), socket.receive_queue),
                 {{"inode", fmt::format("{:x}", socket.inode)}});
    return;
  }
  if (socket.state == closed || socket.state == time_wait || options.tcp_established || options.tcp_close)
    return;
  found_.add({"tcp-connected"}, holder.text());
}

void SocketCheck::check_diag(const Socket& socket, const Holder& holder) {
  const std::string probe = diag_of(socket);
  if (is_optional_diag(probe, question_.criu)) return;
  if (!question_.tree.silent_diags.contains(probe) || !told_.insert(probe).second) return;
  const int protocol = probe == "tcp-diag"       ? static_cast<int>(IPPROTO_TCP)
                       : probe == "udp-diag"     ? static_cast<int>(IPPROTO_UDP)
                       : probe == "udplite-diag" ? static_cast<int>(IPPROTO_UDPLITE)
                                                 : 0;
  found_.add(
      {"socket-diag"}, holder.text(),
      {{"family", std::to_string(socket.family)}, {"protocol", std::to_string(protocol)}, {"probe", probe}});
}

void SocketCheck::check(const Socket& socket, const Holder& holder) {
  check_diag(socket, holder);
  switch (socket.family) {
    case AF_UNIX:
      return check_unix(socket, holder);
    case AF_INET:
    case AF_INET6:
      return check_inet(socket, holder);
    case AF_NETLINK:
      if (socket.receive_queue != 0)
        found_.add({"netlink-unread"}, fmt::format("{}, {} bytes", holder.text(), socket.receive_queue));
      return;
    case AF_PACKET:
      return;
    default:
      found_.add({"socket-family"}, fmt::format("{}, {}", holder.text(), family_name(socket.family)),
                 {{"family", std::to_string(socket.family)}});
  }
}

void SocketCheck::run() {
  std::vector<Holder> all;
  for (const auto& task : question_.tree.tasks)
    for (const auto& file : task.files)
      if (file.socket != 0 && owned_.insert(file.socket).second) all.push_back({&task, &file});
  for (const auto& holder : all)
    if (const auto socket = question_.tree.sockets.find(holder.file->socket);
        socket != question_.tree.sockets.end())
      check(socket->second, holder);
  std::vector<std::string> silent(question_.tree.silent_diags.begin(), question_.tree.silent_diags.end());
  std::erase_if(silent, [&](const std::string& probe) { return is_optional_diag(probe, question_.criu); });
  if (question_.tree.has_own(Namespace::net) && !silent.empty())
    found_.add({"network-namespace-diag"}, join(silent, ", "), {{"family", "F"}, {"protocol", "P"}});
}

}  // namespace

void check_sockets(const Question& question, Findings& found) {
  SocketCheck(question, found).run();
}

}  // namespace cg::tree
