// Binds a socket as CRIU does, and lets it go at once: the kernel itself says whether the address is free.
#include "restore/bind_probe.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/file.h"

namespace cg::restore {
namespace {

struct Address {
  sockaddr_storage bytes{};
  socklen_t length = 0;
};

std::optional<Address> address_of(const checkpoint::InternetSocket& socket) {
  Address address;
  // Of a connection only whether the address is here: the port may serve many.
  const auto port = htons(static_cast<std::uint16_t>(socket.connected() ? 0 : socket.port));
  if (socket.family == AF_INET6) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = port;
    if (!socket.device.empty()) six.sin6_scope_id = if_nametoindex(socket.device.c_str());
    if (inet_pton(AF_INET6, socket.address.c_str(), &six.sin6_addr) != 1) return std::nullopt;
    std::memcpy(&address.bytes, &six, sizeof six);
    address.length = sizeof six;
  } else {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = port;
    if (inet_pton(AF_INET, socket.address.c_str(), &four.sin_addr) != 1) return std::nullopt;
    std::memcpy(&address.bytes, &four, sizeof four);
    address.length = sizeof four;
  }
  return address;
}

Binding ending_of(int result) {
  if (result == 0) return Binding::works;
  return errno == EADDRINUSE      ? Binding::in_use
         : errno == EADDRNOTAVAIL ? Binding::no_address
                                  : Binding::unknown;
}

}  // namespace

Binding try_to_bind(const checkpoint::InternetSocket& socket) {
  const auto address = address_of(socket);
  if (!address || socket.type == SOCK_RAW) return Binding::unknown;
  const UniqueFd fd(::socket(socket.family, socket.type | SOCK_CLOEXEC, socket.protocol));
  if (!fd) return Binding::unknown;
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (socket.only_v6) setsockopt(fd.get(), SOL_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (socket.free_bind) setsockopt(fd.get(), SOL_IP, IP_FREEBIND, &on, sizeof on);
  return ending_of(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->bytes), address->length));
}

Binding try_to_bind(const checkpoint::UnixSocket& socket) {
  sockaddr_un address{};
  if (socket.name.size() > sizeof address.sun_path) return Binding::unknown;
  const UniqueFd fd(::socket(AF_UNIX, socket.type | SOCK_CLOEXEC, 0));
  if (!fd) return Binding::unknown;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.name.data(), socket.name.size());
  return ending_of(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                          static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.name.size())));
}

}  // namespace cg::restore
