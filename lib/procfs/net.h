// The socket tables under /proc/PID/net, which show the network namespace of PID.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::procfs {

struct Socket {
  std::uint64_t inode = 0;
  int family = -1;                  // AF_*
  int type = -1;                    // SOCK_*
  int protocol = 0;                 // IPPROTO_*
  int state = 0;                    // as in TCP: 1 established, 7 closed, 10 listening
  std::uint64_t peer = 0;           // of a UNIX socket: the inode it is connected to
  std::string name;                 // of a UNIX socket; an abstract one begins with '@'
  std::uint64_t receive_queue = 0;  // bytes; of a listening one, connections that wait
  std::uint64_t send_queue = 0;     // bytes
  bool corked = false;              // of a UDP one
  // Of a UNIX one: what is read comes with who sent it (SO_PASSCRED), or when; with what no CRIU reads past:
  // a pidfd, times of the form that has no year 2038 (SO_TIMESTAMP_NEW), a security label.
  bool tells_sender = false, tells_more = false;
  bool knows_peer = false;  // of a closed inet one: it was connected, and the address is still there
};

// tcp, tcp6, udp, udp6, udplite, raw, icmp …: they share one form. What the table is goes into every socket.
Result<std::vector<Socket>> parse_inet_table(std::string_view text, const Socket& table,
                                             const std::string& name);
Result<std::vector<Socket>> parse_unix_table(std::string_view text, const std::string& name);
// packet, netlink: the inode stands last in each line, and what waits to be read in the column `queue`, from
// 0.
Result<std::vector<Socket>> parse_inode_table(std::string_view text, const Socket& table, int queue,
                                              const std::string& name);

}  // namespace cg::procfs
