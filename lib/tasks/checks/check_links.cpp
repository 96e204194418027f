// Network devices of a network namespace of the tree's own: which kinds CRIU makes anew, and what the restore
// must be told of their other ends.
#include <fmt/format.h>
#include <net/if_arp.h>

#include <algorithm>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

const NetworkLink* find_link(const std::vector<NetworkLink>& links, int index) {
  const auto found = std::ranges::find(links, index, &NetworkLink::index);
  return found == links.end() ? nullptr : &*found;
}

// The kinds of dump_one_link() of v4.2:criu/net.c.
bool known_kind(const NetworkLink& link) {
  switch (link.type) {
    case ARPHRD_LOOPBACK:
      return true;
    case ARPHRD_ETHER:
      return link.kind == "veth" || link.kind == "tun" || link.kind == "bridge" || link.kind == "macvlan" ||
             (link.kind == "gretap" && link.name == "gretap0");
    case ARPHRD_NONE:
      return link.kind == "tun";
    case ARPHRD_VOID:
      return link.kind == "venet";
    case ARPHRD_IPGRE:
      return link.kind == "gre" && link.name == "gre0";
    case ARPHRD_SIT:
      return link.kind == "sit";
    default:
      return false;
  }
}

std::string describe(const NetworkLink& link) {
  return link.kind.empty() ? link.name : fmt::format("{} ({})", link.name, link.kind);
}

// "OUT@BRIDGE" of the end that is here; "" when it is not.
std::string outer_end(const Snapshot& tree, const NetworkLink& link) {
  const NetworkLink* other = link.peer_elsewhere ? find_link(tree.own_links, link.peer) : nullptr;
  if (!other || other->kind != "veth" || other->peer != link.index) return "";
  const NetworkLink* bridge = find_link(tree.own_links, other->master);
  return bridge ? other->name + "@" + bridge->name : other->name;
}

void check_veth(const Snapshot& tree, const NetworkLink& link, Findings& found) {
  if (!link.peer_elsewhere) return;  // both ends are in the tree
  const std::string end = outer_end(tree, link);
  found.add({"veth", end.empty() ? "unseen end" : ""}, describe(link),
            {{"name", link.name}, {"end", end.empty() ? "OUTER" : end}});
}

void check_macvlan(const Snapshot& tree, const NetworkLink& link, Findings& found) {
  const NetworkLink* parent = link.peer_elsewhere ? find_link(tree.own_links, link.peer) : nullptr;
  found.add({"macvlan"}, describe(link), {{"name", link.name}, {"parent", parent ? parent->name : "PARENT"}});
  // The request is made in criu's own namespace, and names the number that the macvlan had in the tree's.
  if (const NetworkLink* other = find_link(tree.own_links, link.index))
    found.add({"macvlan-index"}, describe(link),
              {{"name", link.name}, {"index", std::to_string(link.index)}, {"other", other->name}});
}

}  // namespace

void check_links(const Question& question, Findings& found) {
  const Snapshot& tree = question.tree;
  const auto inode = tree.root().namespaces[Namespace::net];
  if (question.options.external_keys.contains(fmt::format("net[{}]", inode))) return;
  for (const auto& link : tree.links) {
    if (!known_kind(link))
      found.add({"network-device"}, describe(link),
                {{"inode", std::to_string(inode)},
                 {"index", std::to_string(link.index)},
                 {"type", std::to_string(link.type)},
                 {"kind", link.kind.empty() ? "(null)" : link.kind}});
    else if (link.kind == "veth")
      check_veth(tree, link, found);
    else if (link.kind == "macvlan")
      check_macvlan(tree, link, found);
  }
}

}  // namespace cg::tree
