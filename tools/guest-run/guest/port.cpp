#include "port.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "system.h"

namespace cg::guest {

bool Port::open(const std::string& sysfs, double seconds) {
  const double deadline = seconds_now() + seconds;
  const std::string ports = sysfs + "/class/virtio-ports";
  do {
    // The name arrives by a control message after the port itself, so both are looked for until they are
    // there.
    for (const auto& port : list_directory(ports)) {
      if (trimmed(read_small_file(ports + "/" + port + "/name")) != port_name) continue;
      fd_ = ::open(("/dev/" + port).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
      if (fd_ >= 0) return true;
    }
    pause_briefly();
  } while (seconds_now() < deadline);
  return false;
}

void Port::write_some() {
  while (queued() > 0) {
    const ssize_t put = write(fd_, outgoing_.data() + sent_, queued());
    if (put <= 0) {
      if (put < 0 && errno != EAGAIN && errno != EINTR) _exit(1);
      break;
    }
    sent_ += static_cast<std::size_t>(put);
  }
  if (queued() == 0) {
    outgoing_.clear();
    sent_ = 0;
  }
}

void Port::read_some() {
  char buffer[chunk_size];
  const ssize_t got = read(fd_, buffer, sizeof buffer);
  if (got > 0) decoder_.feed({buffer, static_cast<std::size_t>(got)});
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) _exit(1);
}

std::optional<Frame> Port::next() {
  auto frame = decoder_.next();
  if (!decoder_.broken().empty()) {
    say_on_console("the host sent " + decoder_.broken());
    _exit(1);
  }
  return frame;
}

void Port::send(FrameType type, std::string_view payload) {
  queue(type, payload);
  flush();
}

void Port::flush() {
  for (write_some(); queued() > 0; write_some()) {
    pollfd polled{fd_, POLLOUT, 0};
    poll(&polled, 1, -1);
  }
}

Frame Port::receive() {
  for (;;) {
    if (auto frame = next()) return *frame;
    pollfd polled{fd_, POLLIN, 0};
    poll(&polled, 1, -1);
    read_some();
  }
}

}  // namespace cg::guest
