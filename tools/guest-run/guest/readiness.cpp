#include "readiness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace cg::guest {
namespace {

constexpr char ready_file[] = "/run/guest-ready";
constexpr char systemd_runs[] = "/run/systemd/system";
constexpr double file_seconds = 30;
constexpr double systemd_seconds = 180;

// What `systemctl is-system-running --wait` prints; empty when it could not ask, or the deadline came first.
std::string ask_systemd(double deadline) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    execlp("systemctl", "systemctl", "is-system-running", "--wait", nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::string answer;
  for (;;) {
    const double left = deadline - seconds_now();
    pollfd polled{ends[0], POLLIN, 0};
    if (left <= 0 || poll(&polled, 1, static_cast<int>(left * 1000) + 1) == 0) {
      kill(child, SIGKILL);
      break;
    }
    char buffer[256];
    const ssize_t got = read(ends[0], buffer, sizeof buffer);
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return trimmed(answer);
}

std::string in_vain(const std::string& what, double seconds) {
  return "the guest's init did not come up: waited " + std::to_string(static_cast<int>(seconds)) + " s for " +
         what;
}

std::string wait_for_systemd(double limit, Port& port) {
  port.send(FrameType::waiting, "systemd to reach its default target");
  const double deadline = seconds_now() + limit;
  std::string state;
  while (seconds_now() < deadline) {
    const std::string answer = ask_systemd(deadline);
    if (!answer.empty()) state = answer;
    if (state == "running" || state == "degraded") return {};
    // "maintenance" is the rescue shell: no later state follows by itself.
    if (state == "maintenance") return "systemd is in maintenance (rescue or emergency mode)";
    pause_briefly();  // systemd does not listen yet
  }
  return in_vain("systemd to reach its default target" + (state.empty() ? "" : " (its state: " + state + ")"),
                 limit);
}

}  // namespace

std::string wait_until_ready(const Config& config, Port& port) {
  const std::string wanted = value_of(config, "ready", "auto");
  if (wanted == "none") return {};
  const double asked = std::atof(value_of(config, "seconds", "0").c_str());
  const double limit = asked > 0 ? asked : file_seconds;
  const std::string file = wanted == "auto" ? ready_file : wanted;
  port.send(FrameType::waiting, file);
  for (const double deadline = seconds_now() + limit; seconds_now() < deadline; pause_briefly()) {
    if (exists(file)) return {};
    if (wanted == "auto" && exists(systemd_runs))
      return wait_for_systemd(asked > 0 ? asked : systemd_seconds, port);
  }
  return in_vain(file + (wanted == "auto" ? " or systemd" : "") + "; see --ready and --init none", limit);
}

}  // namespace cg::guest
