// guest-init's end of the virtio-serial port.
#pragma once

#include <optional>
#include <string>

#include "protocol.h"

namespace cg::guest {

class Port {
 public:
  // Waits for the port of port_name to appear under `sysfs`; false when it does not within `seconds`.
  bool open(const std::string& sysfs, double seconds);
  int fd() const { return fd_; }

  // Waits until the host took all of it.
  void send(FrameType type, std::string_view payload = {});
  // Waits for the next frame; a broken stream or a vanished host ends the process: no one is left to tell.
  Frame receive();

  // The same without waiting, for loops that have more than the port to look after.
  void queue(FrameType type, std::string_view payload) { outgoing_ += encode(type, payload); }
  void flush();
  std::size_t queued() const { return outgoing_.size() - sent_; }
  void write_some();
  void read_some();
  std::optional<Frame> next();

 private:
  int fd_ = -1;
  Decoder decoder_;
  std::string outgoing_;
  std::size_t sent_ = 0;
};

}  // namespace cg::guest
