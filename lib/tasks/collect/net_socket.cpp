#include "tasks/collect/net_socket.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <thread>
#include <vector>

namespace cg::tree {

// A socket belongs to the network namespace of the thread that made it: the thread goes there and ends.
UniqueFd netlink_socket_in(const procfs::Directory& task, int protocol) {
  UniqueFd result;
  const UniqueFd net(openat(task.fd(), "ns/net", O_RDONLY | O_CLOEXEC));
  std::thread([&] {
    if (!net || setns(net.get(), CLONE_NEWNET) != 0) return;
    result.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  }).join();
  return result;
}

bool ask_netlink(const UniqueFd& socket, std::string_view request,
                 const std::function<void(int type, std::string_view message)>& each) {
  const timeval limit{2, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (send(socket.get(), request.data(), request.size(), 0) < 0) return false;
  std::vector<char> buffer(1 << 18);
  for (;;) {
    const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    const auto size = static_cast<std::size_t>(got);
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
      nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof header);
      if (header.nlmsg_len < sizeof header || at + header.nlmsg_len > size) return false;
      if (header.nlmsg_type == NLMSG_DONE) return true;
      if (header.nlmsg_type == NLMSG_ERROR) return false;
      each(header.nlmsg_type, {buffer.data() + at + sizeof header, header.nlmsg_len - sizeof header});
      at += (header.nlmsg_len + 3U) / 4 * 4;
    }
  }
}

void each_attribute(std::string_view attributes,
                    const std::function<void(int type, std::string_view value)>& each) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr head;
    std::memcpy(&head, attributes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > attributes.size()) return;
    each(head.nla_type & NLA_TYPE_MASK, attributes.substr(sizeof head, head.nla_len - sizeof head));
    attributes.remove_prefix(std::min<std::size_t>((head.nla_len + 3U) / 4 * 4, attributes.size()));
  }
}

}  // namespace cg::tree
