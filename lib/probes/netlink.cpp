// Not by libmnl or libnl: a probe must see the kernel's bare errno, some thirty lines do for that, and Debian
// has no libmnl.a for the static kcheck.
#include "probes/netlink.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace cg::probes {

NetlinkMessage::NetlinkMessage(int type, int flags) {
  nlmsghdr header{};
  header.nlmsg_type = static_cast<std::uint16_t>(type);
  header.nlmsg_flags = static_cast<std::uint16_t>(flags);
  append(&header, sizeof header);
}

void NetlinkMessage::append(const void* data, std::size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize((bytes_.size() + 3) / 4 * 4);
}

void NetlinkMessage::attribute(int type, const void* data, std::size_t size) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + size), static_cast<std::uint16_t>(type)};
  append(&header, sizeof header);
  append(data, size);
}

void NetlinkMessage::put_attribute(int type, std::uint32_t value) {
  attribute(type, &value, sizeof value);
}

void NetlinkMessage::put_attribute(int type, std::string_view text) {
  const std::string terminated(text);
  attribute(type, terminated.c_str(), terminated.size() + 1);
}

std::string NetlinkMessage::bytes() const {
  std::string result = bytes_;
  const auto size = static_cast<std::uint32_t>(result.size());
  std::memcpy(result.data(), &size, sizeof size);
  return result;
}

NetlinkSocket::NetlinkSocket(int protocol) : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) {
  const timeval limit{2, 0};
  if (fd_) setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

int NetlinkSocket::ask(const std::string& bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) <
      0)
    return errno;
  alignas(nlmsghdr) std::array<char, 16384> buffer;
  const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return EPROTO;
  nlmsghdr header;
  std::memcpy(&header, buffer.data(), sizeof header);
  const bool has_code = header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE;
  if (!has_code || got < static_cast<ssize_t>(sizeof header + sizeof(int))) return 0;
  // Both begin with an int: the negated errno of an answer, or of a dump that stopped.
  int code = 0;
  std::memcpy(&code, buffer.data() + sizeof header, sizeof code);
  return code < 0 ? -code : 0;
}

}  // namespace cg::probes
