// Sockets: families, options, the loopback that CRIU connects through at every start, and nftables.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "probes/netlink.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

UniqueFd open_socket(int family, int type, int protocol = 0) {
  return UniqueFd(socket(family, type | SOCK_CLOEXEC, protocol));
}

ProbeResult unix_socket() {
  UniqueFd fd = open_socket(AF_UNIX, SOCK_STREAM);
  return fd ? pass("socket(AF_UNIX): works") : failed_call("socket(AF_UNIX)", errno);
}
// ENOENT: the ioctl is known, and this socket has no file.
ProbeResult unix_file() {
  UniqueFd fd = open_socket(AF_UNIX, SOCK_STREAM);
  if (!fd) return failed_call("socket(AF_UNIX)", errno);
  const int result = ioctl(fd.get(), SIOCPROTOPRIVATE /* SIOCUNIXFILE */, 0);
  const int error = result < 0 ? errno : 0;
  if (result >= 0) close(result);
  return error == 0 || error == ENOENT ? pass("ioctl(SIOCUNIXFILE) is known")
                                       : failed_call("ioctl(SIOCUNIXFILE)", error, CAP_NET_ADMIN);
}
ProbeResult inet_socket() {
  UniqueFd fd = open_socket(AF_INET, SOCK_STREAM);
  return fd ? pass("socket(AF_INET): works") : failed_call("socket(AF_INET)", errno);
}
ProbeResult packet_socket() {
  UniqueFd fd = open_socket(AF_PACKET, SOCK_DGRAM);
  return fd ? pass("socket(AF_PACKET): works") : failed_call("socket(AF_PACKET)", errno, CAP_NET_RAW);
}
ProbeResult netlink_route() {
  UniqueFd fd = open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  return fd ? pass("socket(NETLINK_ROUTE): works") : failed_call("socket(NETLINK_ROUTE)", errno);
}

// The loopback address of a family, any port.
socklen_t loopback_address(int family, sockaddr_storage& storage) {
  storage = {};
  if (family == AF_INET) {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof address;
  }
  auto& address = reinterpret_cast<sockaddr_in6&>(storage);
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return sizeof address;
}

// A TCP connection to a listener of our own; both ends are closed when this returns. As CRIU does at every
// start.
ProbeResult connect_loopback(int family) {
  const char* name = family == AF_INET ? "127.0.0.1" : "::1";
  const auto failed = [&](const char* call, int error) {
    return failed_call(fmt::format("{} {}", call, name), error);
  };
  sockaddr_storage storage;
  socklen_t size = loopback_address(family, storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  UniqueFd listener = open_socket(family, SOCK_STREAM);
  UniqueFd client = open_socket(family, SOCK_STREAM | SOCK_NONBLOCK);
  if (!listener || !client) return failed("socket for", errno);
  if (bind(listener.get(), address, size) != 0) return failed("bind to", errno);
  if (listen(listener.get(), 1) != 0) return failed("listen on", errno);
  if (getsockname(listener.get(), address, &size) != 0) return failed("getsockname of", errno);
  if (connect(client.get(), address, size) != 0 && errno != EINPROGRESS) return failed("connect to", errno);
  // A route that silently drops shows as a connection that never comes.
  pollfd waiting{client.get(), POLLOUT, 0};
  if (poll(&waiting, 1, 1000) <= 0) return failed("connect to", ETIMEDOUT);
  int error = 0;
  socklen_t error_size = sizeof error;
  getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &error_size);
  return error == 0 ? pass(fmt::format("a TCP connection over {}: works", name))
                    : failed("connect to", error);
}
bool has_ipv4() {
  return static_cast<bool>(open_socket(AF_INET, SOCK_STREAM)) || errno != EAFNOSUPPORT;
}
ProbeResult loopback() {
  return connect_loopback(AF_INET);
}
// CRIU 3.19 and later take IPv6 where the kernel has no IPv4.
ProbeResult loopback_any() {
  return connect_loopback(has_ipv4() ? AF_INET : AF_INET6);
}

ProbeResult tcp_repair() {
  UniqueFd fd = open_socket(has_ipv4() ? AF_INET : AF_INET6, SOCK_STREAM);
  if (!fd) return failed_call("a TCP socket", errno);
  const int on = 1;
  if (setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0)
    return failed_call("setsockopt(TCP_REPAIR)", errno, CAP_NET_ADMIN);
  return pass("setsockopt(TCP_REPAIR): works");
}

ProbeResult set_option(const UniqueFd& fd, int level, int option, const char* name, int capability = -1) {
  if (!fd) return failed_call(fmt::format("socket for {}", name), errno);
  const int on = 1;
  if (setsockopt(fd.get(), level, option, &on, sizeof on) == 0)
    return pass(fmt::format("setsockopt({}): works", name));
  return failed_call(fmt::format("setsockopt({})", name), errno, capability);
}
ProbeResult peek_off() {
  return set_option(open_socket(AF_UNIX, SOCK_DGRAM), SOL_SOCKET, 42, "SO_PEEK_OFF");
}
ProbeResult ipv6_freebind() {
  return set_option(open_socket(AF_INET6, SOCK_DGRAM), SOL_IPV6, 78, "IPV6_FREEBIND");
}
// CRIU 3.19 and later ask only where IPv6 is switched on.
ProbeResult ipv6_consistent() {
  if (access("/proc/sys/net/ipv6", F_OK) != 0) return pass("no /proc/sys/net/ipv6: IPv6 is off");
  return ipv6_freebind();
}
ProbeResult buf_lock() {
  return set_option(open_socket(AF_INET, SOCK_STREAM), SOL_SOCKET, 72, "SO_BUF_LOCK");
}

ProbeResult get_filter() {
  UniqueFd fd = open_socket(AF_UNIX, SOCK_DGRAM);
  if (!fd) return failed_call("socket(AF_UNIX)", errno);
  socklen_t size = 0;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_GET_FILTER, nullptr, &size) == 0)
    return pass("getsockopt(SO_GET_FILTER): works");
  return failed_call("getsockopt(SO_GET_FILTER)", errno);
}
// Linux 6.16 and later refuse it on sockets that are not AF_UNIX, netlink or bluetooth.
ProbeResult pass_credentials() {
  UniqueFd fd = open_socket(AF_INET, SOCK_STREAM);
  if (!fd) return unknown(fmt::format("socket(AF_INET): {}", std::strerror(errno)));
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &value, &size) == 0)
    return pass("SO_PASSCRED of a TCP socket can be read");
  return failed_call("getsockopt(SO_PASSCRED) on a TCP socket", errno);
}
ProbeResult socket_netns() {
  UniqueFd fd = open_socket(AF_UNIX, SOCK_STREAM);
  if (!fd) return failed_call("socket(AF_UNIX)", errno);
  UniqueFd netns(ioctl(fd.get(), 0x894C /* SIOCGSKNS */));
  return netns ? pass("ioctl(SIOCGSKNS): works") : failed_call("ioctl(SIOCGSKNS)", errno, CAP_NET_ADMIN);
}
ProbeResult no_mptcp() {
  constexpr int ipproto_mptcp = 262;
  return open_socket(AF_INET, SOCK_STREAM, ipproto_mptcp) ? fail("socket(IPPROTO_MPTCP) works here")
                                                          : pass("no MPTCP sockets here");
}

ProbeResult route_netlink() {
  return NetlinkSocket(NETLINK_ROUTE) ? pass("socket(NETLINK_ROUTE): works")
                                      : failed_call("socket(NETLINK_ROUTE)", errno);
}
ProbeResult nsid() {
  NetlinkSocket netlink(NETLINK_ROUTE);
  if (!netlink) return failed_call("socket(NETLINK_ROUTE)", errno);
  NetlinkMessage message(RTM_GETNSID, NLM_F_REQUEST);
  message.put(rtgenmsg{AF_UNSPEC});
  message.put_attribute(NETNSA_PID, static_cast<std::uint32_t>(getpid()));
  const int error = netlink.ask(message);
  return error == 0 ? pass("RTM_GETNSID: works") : failed_call("RTM_GETNSID", error);
}

// A table of the inet family is made in a network namespace of its own and goes with it.
ProbeResult nftables() {
  NetlinkSocket netlink(NETLINK_NETFILTER);
  if (!netlink) return failed_call("socket(NETLINK_NETFILTER)", errno);
  const auto header = [](std::uint8_t family, std::uint16_t resource) {
    return nfgenmsg{family, NFNETLINK_V0, htons(resource)};
  };
  NetlinkMessage begin(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST);
  begin.put(header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  constexpr std::uint8_t nfproto_inet = 1;
  NetlinkMessage table(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
                       NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK);
  table.put(header(nfproto_inet, 0));
  table.put_attribute(NFTA_TABLE_NAME, "kcheck");
  NetlinkMessage end(NFNL_MSG_BATCH_END, NLM_F_REQUEST);
  end.put(header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  const int error = netlink.ask(begin.bytes() + table.bytes() + end.bytes());
  return error == 0 ? pass("an nftables inet table can be made")
                    : failed_call("making an nftables inet table", error, CAP_NET_ADMIN);
}

// Only after that namespace was really made: nothing may be changed outside.
bool in_own_network() {
  const auto inode = [](const char* path) {
    std::string text(64, '\0');
    const ssize_t size = readlink(path, text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  };
  const std::string own = inode("/proc/self/ns/net");
  return !own.empty() && own != inode(fmt::format("/proc/{}/ns/net", getppid()).c_str());
}
ProbeResult nftables_guarded() {
  if (!in_own_network())
    return unknown("no network namespace could be made to try it in (needs CAP_SYS_ADMIN and NET_NS)");
  return nftables();
}
ProbeResult unshare_network() {
  if (in_own_network()) return pass("a network namespace can be made");
  return has_capability(CAP_SYS_ADMIN) ? fail("unshare(CLONE_NEWNET) does not work")
                                       : unknown("unshare(CLONE_NEWNET) (needs CAP_SYS_ADMIN)");
}

}  // namespace

std::vector<Probe> network_probes() {
  return {{"unix-socket", unix_socket},
          {"unix-file", unix_file},
          {"inet-socket", inet_socket},
          {"packet-socket", packet_socket},
          {"netlink-route", netlink_route},
          {"loopback", loopback},
          {"loopback-any", loopback_any},
          {"ipv6-consistent", ipv6_consistent},
          {"tcp-repair", tcp_repair},
          {"peek-off", peek_off},
          {"get-filter", get_filter},
          {"ipv6-freebind", ipv6_freebind},
          {"buf-lock", buf_lock},
          {"pass-credentials", pass_credentials},
          {"socket-netns", socket_netns},
          {"no-mptcp", no_mptcp},
          {"route-netlink", route_netlink},
          {"nsid", nsid},
          {"unshare-network", unshare_network, Place::own_network},
          {"nftables", nftables_guarded, Place::own_network}};
}

}  // namespace cg::probes
