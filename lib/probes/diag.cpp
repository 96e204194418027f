// sock_diag: one real SOCK_DIAG_BY_FAMILY dump for each family and protocol. `criu check` only opens the
// netlink socket, so a missing family shows first when a dump meets a socket of that kind.
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "probes/netlink.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

template <class Request>
ProbeResult ask_diag(const char* what, const Request& request) {
  NetlinkSocket netlink(NETLINK_SOCK_DIAG);
  if (!netlink) return failed_call("socket(NETLINK_SOCK_DIAG)", errno);
  NetlinkMessage message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
  message.put(request);
  const int error = netlink.ask(message);
  const std::string name = fmt::format("sock_diag of {} sockets", what);
  return error == 0 ? pass(name + " answers") : failed_call(name, error);
}

ProbeResult unix_diag() {
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;  // no states: the answer is empty, and cheap
  return ask_diag("UNIX", request);
}
ProbeResult inet_diag(const char* what, int family, int protocol) {
  inet_diag_req_v2 request{};
  request.sdiag_family = static_cast<__u8>(family);
  request.sdiag_protocol = static_cast<__u8>(protocol);
  return ask_diag(what, request);
}
ProbeResult tcp_diag() {
  return inet_diag("TCP", AF_INET, IPPROTO_TCP);
}
ProbeResult udp_diag() {
  return inet_diag("UDP", AF_INET, IPPROTO_UDP);
}
ProbeResult udplite_diag() {
  return inet_diag("UDP-Lite", AF_INET, IPPROTO_UDPLITE);
}
ProbeResult raw_diag() {
  return inet_diag("RAW", AF_INET, IPPROTO_RAW);
}
ProbeResult packet_diag() {
  packet_diag_req request{};
  request.sdiag_family = AF_PACKET;
  return ask_diag("PACKET", request);
}
ProbeResult netlink_diag() {
  netlink_diag_req request{};
  request.sdiag_family = AF_NETLINK;
  request.sdiag_protocol = NDIAG_PROTO_ALL;
  return ask_diag("NETLINK", request);
}

}  // namespace

std::vector<Probe> diag_probes() {
  return {{"unix-diag", unix_diag},       {"tcp-diag", tcp_diag}, {"udp-diag", udp_diag},
          {"udplite-diag", udplite_diag}, {"raw-diag", raw_diag}, {"packet-diag", packet_diag},
          {"netlink-diag", netlink_diag}};
}

}  // namespace cg::probes
