// Network devices of a network namespace of the tree's own: which kinds CRIU makes anew, and what the restore
// must be told of their other ends.
#include <fmt/format.h>
#include <net/if_arp.h>

#include <algorithm>

#include "tree/checks/checks.h"

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

void check_veth(const Snapshot& tree, const NetworkLink& link, Hindrances& found) {
  if (!link.peer_elsewhere) return;  // both ends are in the tree
  const std::string end = outer_end(tree, link);
  const std::string option = fmt::format("veth[{}]:{}", link.name, end.empty() ? "OUTER" : end);
  found.push_back(
      {.id = "tree.veth",
       .title = "a veth whose other end is outside of the tree",
       .object = describe(link),
       .prints = "nothing, or \"Unknown peer net namespace\": without the option the other end comes back "
                 "under another name and on no bridge, and the tree is cut off",
       .fix = fmt::format("--external {} on restore{}", option,
                          end.empty() ? "; OUTER is the name that the other end is to have" : ""),
       .source = "v4.2:criu/net.c:1438",
       .verdict = Verdict::warn,
       .severity = "restore",
       .restore_options = {"--external", option}});
}

void check_macvlan(const Snapshot& tree, const NetworkLink& link, Hindrances& found) {
  const NetworkLink* parent = link.peer_elsewhere ? find_link(tree.own_links, link.peer) : nullptr;
  const std::string option = fmt::format("macvlan[{}]:{}", link.name, parent ? parent->name : "PARENT");
  found.push_back({.id = "tree.macvlan",
                   .title = "a macvlan, whose parent is outside of the tree",
                   .object = describe(link),
                   .prints = fmt::format("a macvlan parent for {} is required", link.name),
                   .fix = fmt::format("--external {} on restore", option),
                   .source = "v4.2:criu/net.c:1617",
                   .verdict = Verdict::warn,
                   .severity = "restore",
                   .restore_options = {"--external", option}});
}

}  // namespace

void check_links(const Question& question, Hindrances& found) {
  const Snapshot& tree = question.tree;
  for (const auto& link : tree.links) {
    if (!known_kind(link))
      found.push_back(
          {.id = "tree.network-device",
           .title = "a kind of network device that CRIU does not make anew",
           .object = describe(link),
           .prints = fmt::format("Unsupported link {} (type {} kind {})", link.index, link.type,
                                 link.kind.empty() ? "(null)" : link.kind),
           .fix = "no option clears it: take it out of the namespace before the dump, and bring it back "
                  "after the restore",
           .source = "v4.2:criu/net.c:650"});
    else if (link.kind == "veth")
      check_veth(tree, link, found);
    else if (link.kind == "macvlan")
      check_macvlan(tree, link, found);
  }
}

}  // namespace cg::tree
