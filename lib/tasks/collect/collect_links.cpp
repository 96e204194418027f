// The network devices of a tree that has a network namespace of its own, and those here that they lead to.
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "probes/netlink.h"
#include "procfs/directory.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/net_socket.h"

namespace cg::tree {
namespace {

int number_of(std::string_view value) {
  int number = 0;
  if (value.size() >= sizeof number) std::memcpy(&number, value.data(), sizeof number);
  return number;
}
std::string text_of(std::string_view value) {
  return std::string(value.substr(0, value.find('\0')));
}

void take_link(std::vector<NetworkLink>& links, std::string_view message) {
  if (message.size() < sizeof(ifinfomsg)) return;
  ifinfomsg head;
  std::memcpy(&head, message.data(), sizeof head);
  NetworkLink link;
  link.index = head.ifi_index;
  link.type = head.ifi_type;
  each_attribute(message.substr(sizeof head), [&](int type, std::string_view value) {
    if (type == IFLA_IFNAME) link.name = text_of(value);
    if (type == IFLA_LINK) link.peer = number_of(value);
    if (type == IFLA_LINK_NETNSID) link.peer_elsewhere = true;
    if (type == IFLA_MASTER) link.master = number_of(value);
    if (type == IFLA_LINKINFO)
      each_attribute(value, [&](int inner, std::string_view kind) {
        if (inner == IFLA_INFO_KIND) link.kind = text_of(kind);
      });
  });
  links.push_back(std::move(link));
}

bool list_links(const UniqueFd& socket, std::vector<NetworkLink>& links) {
  probes::NetlinkMessage request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  request.put(ifinfomsg{});
  return socket && ask_netlink(socket, request.bytes(), [&](int type, std::string_view message) {
           if (type == RTM_NEWLINK) take_link(links, message);
         });
}

}  // namespace

void collect_links(Snapshot& snapshot, const std::filesystem::path& proc) {
  if (!snapshot.has_own(Namespace::net)) return;
  const auto root = procfs::Directory::open(proc / std::to_string(snapshot.root().pid));
  if (!root) return;
  if (!list_links(netlink_socket_in(*root, NETLINK_ROUTE), snapshot.links))
    snapshot.unseen.push_back({"the network devices of " + snapshot.root().name(), "CAP_SYS_ADMIN"});
  list_links(UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), snapshot.own_links);
}

}  // namespace cg::tree
