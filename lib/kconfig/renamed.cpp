#include "kconfig/renamed.h"

#include <algorithm>

namespace cg::kconfig {
namespace {

constexpr Renamed table[] = {
    {"BASE_FULL", "", "replaced by its opposite, BASE_SMALL: leave that off"},
    {"BPFILTER", "", "removed: bpfilter was never finished"},
    {"CFQ_GROUP_IOSCHED", "BFQ_GROUP_IOSCHED",
     "removed with the CFQ scheduler; BFQ_GROUP_IOSCHED is its successor"},
    {"CGROUP_MEM_RES_CTLR", "MEMCG", "renamed to MEMCG"},
    {"DEVKMEM", "", "removed with /dev/kmem"},
    {"DEVPTS_MULTIPLE_INSTANCES", "", "removed: every mount of devpts is an instance of its own"},
    {"EMBEDDED", "EXPERT", "removed; EXPERT shows the same questions"},
    {"IOSCHED_CFQ", "IOSCHED_BFQ", "removed; IOSCHED_BFQ is its successor"},
    {"IOSCHED_DEADLINE", "MQ_IOSCHED_DEADLINE", "replaced by MQ_IOSCHED_DEADLINE"},
    {"MEMCG_KMEM", "MEMCG", "merged into MEMCG"},
    {"MEMCG_SWAP", "MEMCG", "merged into MEMCG (with SWAP)"},
    {"NETPRIO_CGROUP", "CGROUP_NET_PRIO", "renamed to CGROUP_NET_PRIO"},
    {"NF_CONNTRACK_IPV4", "NF_CONNTRACK", "merged into NF_CONNTRACK"},
    {"NF_CONNTRACK_IPV6", "NF_CONNTRACK", "merged into NF_CONNTRACK"},
    {"NF_NAT_IPV4", "NF_NAT", "merged into NF_NAT"},
    {"NF_NAT_IPV6", "NF_NAT", "merged into NF_NAT"},
    {"NFT_CHAIN_NAT_IPV4", "NFT_NAT", "merged into NFT_NAT"},
    {"NFT_COUNTER", "NF_TABLES", "merged into NF_TABLES"},
    {"NFT_MASQ_IPV4", "NFT_MASQ", "merged into NFT_MASQ"},
    {"NFT_OBJREF", "NF_TABLES", "merged into NF_TABLES"},
    {"NFT_SET_HASH", "NF_TABLES", "merged into NF_TABLES"},
    {"NFT_SET_RBTREE", "NF_TABLES", "merged into NF_TABLES"},
    {"PAGE_TABLE_ISOLATION", "MITIGATION_PAGE_TABLE_ISOLATION", "renamed to MITIGATION_PAGE_TABLE_ISOLATION"},
    {"RETPOLINE", "MITIGATION_RETPOLINE", "renamed to MITIGATION_RETPOLINE"},
    {"SLAB", "SLUB", "removed; SLUB is the allocator"},
    {"SLOB", "SLUB_TINY", "removed; SLUB_TINY is for small machines"},
    {"SPECULATION_MITIGATIONS", "CPU_MITIGATIONS", "renamed to CPU_MITIGATIONS"},
    {"SYSFS_DEPRECATED", "", "removed with the old layout of sysfs"},
    {"X86_RESCTRL", "X86_CPU_RESCTRL", "renamed to X86_CPU_RESCTRL"},
    {"X86_X32", "X86_X32_ABI", "renamed to X86_X32_ABI"},
};

}  // namespace

const Renamed* find_renamed(std::string_view symbol) {
  const auto found = std::ranges::find(table, symbol, &Renamed::symbol);
  return found == std::end(table) ? nullptr : &*found;
}

}  // namespace cg::kconfig
