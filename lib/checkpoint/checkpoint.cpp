#include "checkpoint/checkpoint.h"

#include <netinet/in.h>

#include <array>
#include <numeric>

namespace cg::checkpoint {

std::string_view kind_name(FileKind kind) {
  static constexpr std::array names{
      "other",     "file",    "pipe",     "fifo",          "inet socket", "unix socket", "eventfd",
      "epoll",     "inotify", "signalfd", "packet socket", "terminal",    "fanotify",    "netlink socket",
      "namespace", "tun",     "external", "timerfd",       "memfd",       "bpf map",     "pidfd"};
  const auto at = static_cast<std::size_t>(kind);
  return at < names.size() ? names[at] : names[0];
}

std::string_view mount_type(const Mount& mount) {
  static constexpr std::array names{
      "unsupported", "proc",       "sysfs",   "devtmpfs", "binfmt_misc", "tmpfs", "devpts", "simfs",
      "pstore",      "securityfs", "fusectl", "debugfs",  "cgroup",      "aufs",  "mqueue", "fuse",
      "auto",        "overlay",    "autofs",  "tracefs",  "other",       "other", "other",  "cgroup2"};
  if (!mount.type.empty()) return mount.type;
  return mount.kind < names.size() ? names[mount.kind] : "other";
}

std::string_view device_kind_name(std::uint32_t kind) {
  static constexpr std::array names{"other", "loopback", "veth",    "tun", "external",
                                    "venet", "bridge",   "macvlan", "sit"};
  return kind < names.size() ? names[kind] : names[0];
}

bool InternetSocket::connected() const {
  return protocol == IPPROTO_TCP && peer_port != 0;  // as CRIU tells them
}

const OpenFile* Checkpoint::file(std::uint32_t id) const {
  const auto found = files.find(id);
  return found == files.end() ? nullptr : &found->second;
}

const RegularFile* Checkpoint::regular(std::uint32_t id) const {
  const OpenFile* found = file(id);
  return found && found->regular ? &*found->regular : nullptr;
}

std::uint64_t Checkpoint::bytes() const {
  return std::accumulate(image_sizes.begin(), image_sizes.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& one) { return sum + one.second; });
}

std::string Checkpoint::architecture() const {
  static constexpr std::array names{"",      "x86_64", "arm",         "aarch64", "ppc64le",
                                    "s390x", "mips",   "loongarch64", "riscv64"};
  for (const auto& task : tasks)
    if (task.machine != 0) return task.machine < names.size() ? names[task.machine] : "";
  return "";
}

}  // namespace cg::checkpoint
