// What the things that a task can hold are made of.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <system_error>

namespace cg::lab {

// What a holding does must work: a case that could not be set up proves nothing.
inline void must(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}
inline int must_fd(long fd, const char* what) {
  must(fd >= 0, what);
  return static_cast<int>(fd);
}

[[noreturn]] inline void wait_forever() {
  for (;;) pause();
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
inline sockaddr_un unix_name(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}
// Of an interface that a task gives an address of its own, 10.77.0.1.
inline constexpr const char* lab_alias = "lo:9";
inline constexpr std::uint32_t lab_address = 0x0a4d0001;

// The name has no NUL at its end.
inline void bind_to_abstract(int fd, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), std::min(name.size(), sizeof address.sun_path - 1));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  must(bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0, "bind");
}

template <class Address>
void bind_to(int fd, const Address& address) {
  must(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
}
template <class Address>
void connect_to(int fd, const Address& address) {
  must(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
}
inline int new_file(const char* path, std::size_t size) {
  const int fd = must_fd(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), path);
  const std::string bytes(size, 'x');
  must(write(fd, bytes.data(), size) == static_cast<ssize_t>(size), "write");
  return fd;
}
inline int tcp_listener(std::uint16_t port) {
  const int fd = must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bind_to(fd, loopback(port));
  must(listen(fd, 4) == 0, "listen");
  return fd;
}
// A child in what `flags` of unshare(2) makes anew, waiting.
inline void child_in(int flags) {
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child != 0) return;
  if (unshare(flags) != 0) _exit(1);
  if ((flags & CLONE_NEWPID) && fork() != 0) wait_forever();
  wait_forever();
}

using Holding = void (*)();
// The tables: what it is, and in what state.
std::map<std::string, Holding> holdings_of_state();

}  // namespace cg::lab
