// Just enough netlink for a probe: build a request, send it, learn whether the kernel accepts it.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"

namespace cg::probes {

class NetlinkMessage {
 public:
  NetlinkMessage(int type, int flags);
  template <class T>
  void put(const T& header) {
    append(&header, sizeof header);
  }
  void put_attribute(int type, std::uint32_t value);
  void put_attribute(int type, std::string_view text);  // NUL-terminated on the wire
  std::string bytes() const;                            // with the length filled in

 private:
  void append(const void* data, std::size_t size);  // padded to 4 bytes
  void attribute(int type, const void* data, std::size_t size);
  std::string bytes_;
};

class NetlinkSocket {
 public:
  explicit NetlinkSocket(int protocol);
  explicit operator bool() const { return static_cast<bool>(fd_); }
  // Sends the bytes and returns the errno of the first answer, 0 for data, an acknowledgement or the end of a
  // dump. ETIMEDOUT after two seconds.
  int ask(const std::string& bytes);
  int ask(const NetlinkMessage& message) { return ask(message.bytes()); }

 private:
  UniqueFd fd_;
};

}  // namespace cg::probes
