#include "tasks/snapshot.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

namespace cg::tree {

std::string diag_of(const procfs::Socket& socket) {
  switch (socket.family) {
    case AF_UNIX:
      return "unix-diag";
    case AF_PACKET:
      return "packet-diag";
    case AF_NETLINK:
      return "netlink-diag";
    case AF_INET:
    case AF_INET6:
      break;
    default:
      return "";
  }
  // The tables of raw sockets in /proc give the protocol that they filter, not theirs.
  if (socket.type == SOCK_RAW) return "raw-diag";
  const int protocol = socket.protocol != 0         ? socket.protocol
                       : socket.type == SOCK_STREAM ? static_cast<int>(IPPROTO_TCP)
                       : socket.type == SOCK_DGRAM  ? static_cast<int>(IPPROTO_UDP)
                                                    : 0;
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp-diag";
    case IPPROTO_UDP:
      return "udp-diag";
    case IPPROTO_UDPLITE:
      return "udplite-diag";
    default:
      return "";
  }
}

std::string Task::name() const {
  return fmt::format("{} ({})", pid, status.name);
}

std::string_view Task::root_link() const {
  const auto root = std::ranges::find(files, "root", &OpenFile::label);
  return root == files.end() ? std::string_view() : std::string_view(root->link);
}

int Task::pid_inside() const {
  return status.pid.empty() ? pid : status.pid.back();
}

int Task::session_inside() const {
  return status.sid.empty() ? stat.session : status.sid.back();
}

bool is_huge_memory(const Snapshot& tree, const OpenFile& file) {
  return file.stat && S_ISREG(file.stat->mode) &&
         (file.link.starts_with("/memfd:") || file.link.starts_with("/anon_hugepage")) &&
         tree.shared_memory_device != std::pair(file.stat->major, file.stat->minor);
}

const Task* Snapshot::find(int pid) const {
  const auto found = std::ranges::find(tasks, pid, &Task::pid);
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace cg::tree
