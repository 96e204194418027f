#include "service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "command.h"
#include "readiness.h"

namespace cg::guest {
namespace {

// A file on its way into the guest. The first failure is kept until put_end asks for it.
struct Incoming {
  int fd = -1;
  std::string path;
  std::string failure;
};

void begin_put(Incoming& file, const Frame& frame) {
  PayloadReader fields(frame.payload);
  file = {};
  file.path = fields.string();
  const mode_t mode = fields.u32() & 07777;
  if (!fields.complete()) {
    file.failure = "malformed request";
  } else if (!make_parents(file.path)) {
    file.failure = error_text(file.path, errno);
  } else {
    // A running program cannot be opened for writing; a new file in its place can.
    unlink(file.path.c_str());
    file.fd = open(file.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file.fd < 0 || fchmod(file.fd, mode) != 0) file.failure = error_text(file.path, errno);
  }
}

void continue_put(Incoming& file, std::string_view bytes) {
  while (file.failure.empty() && !bytes.empty()) {
    const ssize_t put = write(file.fd, bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) file.failure = error_text(file.path, errno);
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void end_put(Incoming& file, Port& port) {
  if (file.fd >= 0 && close(file.fd) != 0 && file.failure.empty())
    file.failure = error_text(file.path, errno);
  file.fd = -1;
  if (file.failure.empty())
    port.send(FrameType::done);
  else
    port.send(FrameType::error, file.failure);
}

void send_file(const std::string& path, Port& port) {
  const auto fail = [&](const std::string& why) { port.send(FrameType::error, path + ": " + why); };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(error_text("in the guest", errno));
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return fail(S_ISDIR(info.st_mode) ? "is a directory in the guest; pack it there and get the archive"
                                      : "is not a regular file in the guest");
  }
  port.send(FrameType::file_begin,
            PayloadWriter().u32(info.st_mode & 07777).u64(static_cast<std::uint64_t>(info.st_size)).bytes());
  static char buffer[chunk_size];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0)
    port.send(FrameType::file_data, {buffer, static_cast<std::size_t>(got)});
  const int error = errno;
  close(fd);
  if (got < 0) return fail(error_text("in the guest", error));
  port.send(FrameType::done);
}

// A root that is to be kept must not need a journal replay: nothing may hold a file open for writing.
void power_off(Port& port) {
  sync();
  kill(-1, SIGKILL);
  const auto remount = [] { return mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0; };
  const double deadline = seconds_now() + 2;
  bool clean = remount();
  while (!clean && seconds_now() < deadline) {
    pause_briefly();
    clean = remount();
  }
  // The kernel's own emergency remount does not ask who is writing.
  if (!clean) write_small_file("/proc/sysrq-trigger", "u");
  sync();
  port.send(FrameType::done);
  power_off_now();
}

}  // namespace

void serve(const Config& config, InitKind init, Port& port) {
  signal(SIGPIPE, SIG_IGN);
  setsid();
  if (init == InitKind::image) {
    const std::string failure = wait_until_ready(config, port);
    if (!failure.empty()) port.send(FrameType::fatal, failure);
  }
  port.send(FrameType::ready);
  Incoming file;
  for (;;) {
    const Frame frame = port.receive();
    switch (frame.type) {
      case FrameType::put_begin:
        begin_put(file, frame);
        break;
      case FrameType::put_data:
        continue_put(file, frame.payload);
        break;
      case FrameType::put_end:
        end_put(file, port);
        break;
      case FrameType::get:
        send_file(frame.payload, port);
        break;
      case FrameType::power_off:
        power_off(port);
        break;
      case FrameType::run: {
        PayloadReader fields(frame.payload);
        const auto argv = fields.strings();
        const auto environment = fields.strings();
        run_command(argv, environment, port);
        break;
      }
      case FrameType::stdin_data:
      case FrameType::stdin_end:
        break;  // the command ended before it read all of its input
      default:
        port.send(FrameType::fatal, "guest-init was sent a frame that only a guest sends");
    }
  }
}

}  // namespace cg::guest
