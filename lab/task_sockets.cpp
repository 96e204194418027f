// Sockets of every family in the states that programs leave them in, drawn by lot.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "task_parts.h"
#include "task_random.h"

namespace cg::lab {
namespace {

using std::chrono::milliseconds;

std::uint16_t some_port(Dice& dice) {
  return static_cast<std::uint16_t>(20000 + dice.below(12000));
}

sockaddr_in6 loopback6(std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return address;
}

std::string some_name(Dice& dice, const char* what) {
  return std::string("/tmp/lab-") + what + "-" + std::to_string(dice.below(1U << 30));
}

void turn_on(int fd, int level, int option) {
  const int on = 1;
  must(setsockopt(fd, level, option, &on, sizeof on) == 0, "setsockopt");
}

void say(int fd, const char* text) {
  must(send(fd, text, std::strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) > 0, "send");
}

void sockets_of_ip6(Dice& dice) {
  const auto port = some_port(dice);
  switch (dice.below(4)) {
    case 0: {
      const int fd = must_fd(socket(AF_INET6, SOCK_STREAM, 0), "socket");
      turn_on(fd, SOL_SOCKET, SO_REUSEADDR);
      if (dice.one_in(2)) turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
      bind_to(fd, loopback6(port));
      if (dice.one_in(2)) must(listen(fd, 3) == 0, "listen");
      break;
    }
    case 1: {
      const int fd = must_fd(socket(AF_INET6, SOCK_DGRAM, 0), "socket");
      bind_to(fd, loopback6(port));
      if (dice.one_in(2)) {
        connect_to(fd, loopback6(port));  // to itself
        say(fd, "queued");
      }
      break;
    }
    case 2: {  // an IPv4 connection to a socket of IPv6
      const int listener = must_fd(socket(AF_INET6, SOCK_STREAM, 0), "socket");
      sockaddr_in6 any{};
      any.sin6_family = AF_INET6;
      any.sin6_port = htons(port);
      turn_on(listener, SOL_SOCKET, SO_REUSEADDR);
      bind_to(listener, any);
      must(listen(listener, 3) == 0, "listen");
      connect_to(must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket"), loopback(port));
      must_fd(accept(listener, nullptr, nullptr), "accept");
      break;
    }
    default: {
      const int fd =
          must_fd(socket(AF_INET6, SOCK_RAW, dice.one_in(2) ? int{IPPROTO_ICMPV6} : int{IPPROTO_RAW}), "raw");
      if (dice.one_in(2)) bind_to(fd, loopback6(0));
    }
  }
}

void datagrams(Dice& dice) {
  const int fd = must_fd(socket(AF_INET, SOCK_DGRAM, dice.one_in(4) ? IPPROTO_UDPLITE : 0), "socket");
  const auto port = some_port(dice);
  if (dice.one_in(3)) turn_on(fd, SOL_SOCKET, SO_REUSEPORT);
  if (dice.one_in(3)) turn_on(fd, SOL_SOCKET, SO_BROADCAST);
  if (dice.one_in(3)) must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0, "SO_BINDTODEVICE");
  bind_to(fd, loopback(port));
  if (dice.one_in(2)) {
    connect_to(fd, loopback(port));
    if (dice.one_in(2)) say(fd, "queued");
    if (dice.one_in(4)) shutdown(fd, static_cast<int>(dice.below(3)));
  }
  if (dice.one_in(3)) {
    sock_filter allow = BPF_STMT(BPF_RET | BPF_K, 0xffff);
    const sock_fprog program{1, &allow};
    must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0, "SO_ATTACH_FILTER");
  }
}

void raw_and_packet(Dice& dice) {
  switch (dice.below(4)) {
    case 0: {
      const int fd = must_fd(socket(AF_INET, SOCK_RAW, dice.one_in(2) ? IPPROTO_UDP : IPPROTO_RAW), "raw");
      if (dice.one_in(2)) bind_to(fd, loopback(0));
      if (dice.one_in(2)) connect_to(fd, loopback(0));
      break;
    }
    case 1: {
      const int fd = must_fd(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), "packet");
      sockaddr_ll address{};
      address.sll_family = AF_PACKET;
      address.sll_protocol = htons(ETH_P_ALL);
      address.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
      bind_to(fd, address);
      break;
    }
    case 2: {
      const int fd = must_fd(socket(AF_PACKET, SOCK_RAW, 0), "packet");
      tpacket_req ring{4096, 4, 2048, 8};
      must(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) == 0, "PACKET_RX_RING");
      if (dice.one_in(2))
        must(mmap(nullptr, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
      break;
    }
    default: {
      const int fd = must_fd(socket(AF_PACKET, SOCK_DGRAM, 0), "packet");
      if (dice.one_in(2)) turn_on(fd, SOL_PACKET, PACKET_AUXDATA);
      if (dice.one_in(2)) turn_on(fd, SOL_PACKET, PACKET_ORIGDEV);
    }
  }
}

void netlinks(Dice& dice) {
  constexpr std::array protocols{NETLINK_ROUTE,     NETLINK_GENERIC,   NETLINK_KOBJECT_UEVENT,
                                 NETLINK_NETFILTER, NETLINK_SOCK_DIAG, NETLINK_USERSOCK};
  for (auto count = 1 + dice.below(3); count > 0; --count) {
    const int fd = must_fd(socket(AF_NETLINK, dice.one_in(2) ? SOCK_RAW : SOCK_DGRAM,
                                  protocols.at(dice.below(protocols.size()))),
                           "netlink");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (dice.one_in(2)) address.nl_pid = static_cast<std::uint32_t>(5000 + dice.below(100000));
    if (dice.one_in(3)) address.nl_groups = 1;
    if (dice.one_in(2)) bind_to(fd, address);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (dice.one_in(3)) connect_to(fd, kernel);
    if (dice.one_in(3)) turn_on(fd, 270 /* SOL_NETLINK */, NETLINK_PKTINFO);
  }
}

// An earlier task may have left connections of this port behind.
void bind_reusing(int fd, std::uint16_t port) {
  turn_on(fd, SOL_SOCKET, SO_REUSEADDR);
  bind_to(fd, loopback(port));
}

// TCP in each of its states that lasts.
void tcp_states(Dice& dice) {
  const auto port = some_port(dice);
  const auto made = [&] { return must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket"); };
  const auto pair = [&] {
    const int listener = tcp_listener(port);
    std::array<int, 3> ends{listener, made(), -1};
    connect_to(ends[1], loopback(port));
    ends[2] = must_fd(accept(listener, nullptr, nullptr), "accept");
    return ends;
  };
  switch (dice.below(12)) {
    case 0:  // bound, and neither listening nor connected
      bind_reusing(made(), port);
      break;
    case 1: {  // refused
      const int fd = made();
      const auto nobody = loopback(port);
      (void)connect(fd, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody);
      break;
    }
    case 2:  // CLOSE_WAIT
      close(pair()[2]);
      break;
    case 3: {  // FIN_WAIT2 and CLOSE_WAIT
      shutdown(pair()[1], SHUT_WR);
      break;
    }
    case 4: {  // closed by both sides, in turn
      const auto ends = pair();
      shutdown(ends[1], SHUT_WR);
      shutdown(ends[2], SHUT_WR);
      break;
    }
    case 5: {  // SYN_SENT: the queue of the listener is full
      const int listener = made();
      bind_reusing(listener, port);
      must(listen(listener, 0) == 0, "listen");
      for (int count = 0; count < 3; ++count) {
        const int fd = made();
        fcntl(fd, F_SETFL, O_NONBLOCK);
        const auto to = loopback(port);
        (void)connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
      }
      break;
    }
    case 6: {  // urgent data under way
      const auto ends = pair();
      must(send(ends[1], "!", 1, MSG_OOB) == 1, "send");
      break;
    }
    case 7: {  // data that waits, and the sender is gone
      const auto ends = pair();
      say(ends[1], "left behind");
      close(ends[1]);
      break;
    }
    case 8: {
      const auto ends = pair();
      turn_on(ends[1], IPPROTO_TCP, TCP_CORK);
      say(ends[1], "corked");
      turn_on(ends[2], SOL_SOCKET, SO_KEEPALIVE);
      turn_on(ends[2], SOL_SOCKET, SO_OOBINLINE);
      break;
    }
    case 9: {
      const int fd = tcp_listener(port);
      turn_on(fd, IPPROTO_TCP, TCP_FASTOPEN);
      turn_on(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT);
      break;
    }
    case 10: {  // shut down, and never connected
      const int fd = made();
      shutdown(fd, SHUT_RDWR);
      break;
    }
    default: {
      const auto ends = pair();
      must(setsockopt(ends[1], IPPROTO_TCP, TCP_ULP, "tls", 3) == 0 || errno == ENOENT, "TCP_ULP");
    }
  }
  std::this_thread::sleep_for(milliseconds(30));
}

int unix_bound(const std::string& name, int type) {
  const int fd = must_fd(socket(AF_UNIX, type, 0), "socket");
  unlink(name.c_str());
  bind_to(fd, unix_name(name.c_str()));
  return fd;
}

void unix_states(Dice& dice) {
  const std::string name = some_name(dice, "unix");
  switch (dice.below(13)) {
    case 0: {  // its name is gone
      unix_bound(name, SOCK_DGRAM);
      unlink(name.c_str());
      break;
    }
    case 1: {  // a listener whose name is gone
      must(listen(unix_bound(name, SOCK_STREAM), 1) == 0, "listen");
      unlink(name.c_str());
      break;
    }
    case 2: {  // its name belongs to another now
      unix_bound(name, SOCK_DGRAM);
      unix_bound(name, SOCK_DGRAM);
      break;
    }
    case 3: {  // abstract, with a NUL in it
      const int fd = must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::memcpy(address.sun_path + 1, "lab\0name", 8);
      must(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t) + 9) == 0, "bind");
      break;
    }
    case 4: {  // what a sender without a name has left
      const int fd = unix_bound(name, SOCK_DGRAM);
      const int sender = must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
      connect_to(sender, unix_name(name.c_str()));
      say(sender, "queued");
      if (dice.one_in(2)) close(sender);
      if (dice.one_in(3)) shutdown(fd, SHUT_RD);
      break;
    }
    case 5: {  // the listener is closed, the connection lives
      const int listener = unix_bound(name, SOCK_STREAM);
      must(listen(listener, 1) == 0, "listen");
      const int client = must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
      connect_to(client, unix_name(name.c_str()));
      const int server = must_fd(accept(listener, nullptr, nullptr), "accept");
      if (dice.one_in(2)) close(listener);
      if (dice.one_in(2)) say(server, "hello");
      if (dice.one_in(3)) unlink(name.c_str());
      break;
    }
    case 6: {  // the other end is closed, with data in the queue or without
      std::array<int, 2> ends{};
      must(socketpair(AF_UNIX, dice.one_in(2) ? SOCK_STREAM : SOCK_SEQPACKET, 0, ends.data()) == 0, "pair");
      if (dice.one_in(2)) say(ends[0], "left behind");
      close(ends[0]);
      break;
    }
    case 7: {  // by a path from the working directory
      must(chdir("/tmp") == 0, "chdir");
      unix_bound(name.substr(5), SOCK_DGRAM);
      if (dice.one_in(2)) must(chdir("/") == 0, "chdir");
      break;
    }
    case 8: {
      std::array<int, 2> ends{};
      must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0, "socketpair");
      turn_on(ends[0], SOL_SOCKET, SO_PASSCRED);
      say(ends[1], "who am I");
      break;
    }
    case 9: {  // two clients that nobody accepts
      must(listen(unix_bound(name, SOCK_STREAM), 4) == 0, "listen");
      for (auto count = 1 + dice.below(2); count > 0; --count)
        connect_to(must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), unix_name(name.c_str()));
      break;
    }
    case 10: {  // a chain of datagram sockets
      const int first = unix_bound(name, SOCK_DGRAM);
      const int second = unix_bound(name + "-b", SOCK_DGRAM);
      connect_to(second, unix_name(name.c_str()));
      connect_to(first, unix_name((name + "-b").c_str()));
      if (dice.one_in(2)) connect_to(must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "s"), unix_name(name.c_str()));
      break;
    }
    case 11: {  // connected to a socket that is closed again
      const int gone = unix_bound(name, SOCK_DGRAM);
      connect_to(must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket"), unix_name(name.c_str()));
      close(gone);
      break;
    }
    default: {  // in a directory that is gone
      must(mkdir(name.c_str(), 0755) == 0, "mkdir");
      unix_bound(name + "/s", SOCK_STREAM);
      unlink((name + "/s").c_str());
      must(rmdir(name.c_str()) == 0, "rmdir");
    }
  }
}

}  // namespace

std::vector<Chance> chances_of_sockets() {
  return {{"ip6", sockets_of_ip6}, {"datagrams", datagrams},   {"raw-and-packet", raw_and_packet},
          {"netlinks", netlinks},  {"tcp-states", tcp_states}, {"unix-states", unix_states}};
}

}  // namespace cg::lab
