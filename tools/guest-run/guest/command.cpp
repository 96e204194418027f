#include "command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "system.h"

namespace cg::guest {
namespace {

constexpr std::size_t backlog_limit = 256 << 10;  // bytes kept for a slow reader, in either direction

struct Pipe {
  int read = -1;
  int write = -1;
};

bool make_pipe(Pipe& made) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  made = {ends[0], ends[1]};
  fcntl(made.write, F_SETPIPE_SZ, 1 << 20);
  return true;
}

void close_fd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// The wakeup of SIGCHLD, for poll: signalfd and pidfd are not in every kernel. A child ends rarely, so a byte
// that does not fit is no loss.
int child_ended_pipe = -1;
void on_child_ended(int) {
  const int saved = errno;
  (void)!write(child_ended_pipe, "", 1);
  errno = saved;
}

std::string variable(const std::vector<std::string>& environment, const std::string& name) {
  std::string value;
  for (const auto& entry : environment)
    if (entry.compare(0, name.size() + 1, name + "=") == 0) value = entry.substr(name.size() + 1);
  return value;
}

struct Lookup {
  std::string path;     // empty: not found
  bool denied = false;  // found, but not executable
};

Lookup find_command(const std::string& name, const std::vector<std::string>& environment) {
  std::vector<std::string> candidates;
  if (name.find('/') != std::string::npos)
    candidates.push_back(name);
  else
    for (const auto& directory : split_words(variable(environment, "PATH"), ':'))
      candidates.push_back(directory + "/" + name);
  Lookup result;
  for (const auto& candidate : candidates) {
    struct stat info {};
    if (stat(candidate.c_str(), &info) != 0) continue;
    if (S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0) return {candidate, false};
    result = {candidate, true};
  }
  return result;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

void not_run(Port& port, unsigned status, const std::string& why) {
  port.send(FrameType::not_run, PayloadWriter().u32(status).string(why).bytes());
}

struct Running {
  pid_t pid = -1;
  int in = -1;
  int out = -1;
  int err = -1;
  std::string input;  // from the host, not yet taken by the command
  bool input_ended = false;
};

// Moves what a stream of the command has now, at most a chunk; returns how much that was.
std::size_t pump(int& fd, FrameType type, Port& port) {
  char buffer[chunk_size];
  const ssize_t got = read(fd, buffer, sizeof buffer);
  if (got > 0) {
    port.queue(type, {buffer, static_cast<std::size_t>(got)});
    return static_cast<std::size_t>(got);
  }
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) close_fd(fd);
  return 0;
}

void feed_input(Running& command) {
  if (command.in < 0) return;
  while (!command.input.empty()) {
    const ssize_t put = write(command.in, command.input.data(), command.input.size());
    if (put <= 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      command.input.clear();  // the command closed its standard input
      command.input_ended = true;
      break;
    }
    command.input.erase(0, static_cast<std::size_t>(put));
  }
  if (command.input_ended) close_fd(command.in);
}

void take_frames(Running& command, Port& port) {
  while (command.input.size() < backlog_limit) {
    const auto frame = port.next();
    if (!frame) return;
    if (frame->type == FrameType::stdin_data && command.in >= 0) command.input += frame->payload;
    if (frame->type == FrameType::stdin_end) command.input_ended = true;
  }
}

int wait_for_end(Running& command, Port& port, int wakeup) {
  for (;;) {
    const bool room = port.queued() < backlog_limit;
    pollfd polled[] = {
        {port.fd(),
         static_cast<short>((command.input.size() < backlog_limit ? POLLIN : 0) |
                            (port.queued() > 0 ? POLLOUT : 0)),
         0},
        {wakeup, POLLIN, 0},
        {room ? command.out : -1, POLLIN, 0},
        {room ? command.err : -1, POLLIN, 0},
        {command.input.empty() ? -1 : command.in, POLLOUT, 0},
    };
    if (poll(polled, 5, -1) < 0 && errno != EINTR) _exit(1);
    if (polled[0].revents & POLLIN) port.read_some();
    take_frames(command, port);
    feed_input(command);
    if (polled[2].revents) pump(command.out, FrameType::stdout_data, port);
    if (polled[3].revents) pump(command.err, FrameType::stderr_data, port);
    port.write_some();
    if (polled[1].revents) {
      char ignored[64];
      (void)!read(wakeup, ignored, sizeof ignored);
      int status = 0;
      if (waitpid(command.pid, &status, WNOHANG) == command.pid) return status;
    }
  }
}

// All that the ended command left in its pipe, and no more: a daemon it started may hold the pipe open, and
// write into it, for ever.
void drain(int& fd, FrameType type, Port& port) {
  int left = 0;
  if (fd < 0 || ioctl(fd, FIONREAD, &left) != 0) left = 0;
  while (left > 0 && fd >= 0) {
    const std::size_t moved = pump(fd, type, port);
    if (moved == 0) break;
    left -= static_cast<int>(moved);
    if (port.queued() >= backlog_limit) port.flush();
  }
  close_fd(fd);
}

}  // namespace

void run_command(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                 Port& port) {
  if (argv.empty()) return not_run(port, 127, "no command");
  const Lookup found = find_command(argv[0], environment);
  if (found.path.empty()) return not_run(port, 127, argv[0] + ": not found in the guest");
  if (found.denied) return not_run(port, 126, found.path + ": not an executable file");

  Pipe in, out, err, failure, wakeup;
  if (!make_pipe(in) || !make_pipe(out) || !make_pipe(err) || !make_pipe(failure) || !make_pipe(wakeup))
    return port.send(FrameType::fatal, error_text("pipe", errno));
  child_ended_pipe = wakeup.write;
  fcntl(wakeup.write, F_SETFL, O_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_child_ended;
  action.sa_flags = SA_NOCLDSTOP | SA_RESTART;
  sigaction(SIGCHLD, &action, nullptr);

  const auto arguments = pointers(argv);
  const auto variables = pointers(environment);
  Running command{fork(), in.write, out.read, err.read};
  if (command.pid == 0) {
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    // systemd has put this process into its own init.scope; a command is nobody's unit.
    if (exists("/sys/fs/cgroup/cgroup.procs")) write_small_file("/sys/fs/cgroup/cgroup.procs", "0");
    if (chdir("/") == 0 && dup2(in.read, 0) >= 0 && dup2(out.write, 1) >= 0 && dup2(err.write, 2) >= 0)
      execve(found.path.c_str(), arguments.data(), variables.data());
    const int error = errno;
    (void)!write(failure.write, &error, sizeof error);
    _exit(126);
  }
  close_fd(in.read);
  close_fd(out.write);
  close_fd(err.write);
  close_fd(failure.write);
  int error = command.pid < 0 ? errno : 0;
  if (command.pid > 0 && read(failure.read, &error, sizeof error) != sizeof error) error = 0;
  close_fd(failure.read);
  if (error != 0) {
    if (command.pid > 0) waitpid(command.pid, nullptr, 0);
    // execve reports a missing interpreter or loader as if the program itself were missing.
    const std::string hint = error == ENOENT ? " (its interpreter or loader is missing)" : "";
    not_run(port, 126, error_text(found.path, error) + hint);
  } else {
    for (const int fd : {command.in, command.out, command.err}) fcntl(fd, F_SETFL, O_NONBLOCK);
    port.send(FrameType::started);
    const int status = wait_for_end(command, port, wakeup.read);
    drain(command.out, FrameType::stdout_data, port);
    drain(command.err, FrameType::stderr_data, port);
    const auto code = WIFSIGNALED(status) ? 0U : static_cast<unsigned>(WEXITSTATUS(status));
    const auto by_signal = WIFSIGNALED(status) ? static_cast<unsigned>(WTERMSIG(status)) : 0U;
    port.send(FrameType::exited, PayloadWriter().u32(code).u32(by_signal).bytes());
  }
  signal(SIGCHLD, SIG_DFL);
  for (int* fd : {&command.in, &command.out, &command.err, &wakeup.read, &wakeup.write}) close_fd(*fd);
}

}  // namespace cg::guest
