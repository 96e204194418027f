// The child writes one record a probe to a pipe: a status letter, the detail, and a NUL. The parent reads
// them with a deadline for each; when it passes, the child's process group is killed and the probe whose
// record is due is UNKNOWN. A child that a signal ends is taken the same way, and the next child goes on
// behind it.
#include "probes/runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/file.h"

namespace cg::probes {
namespace {

constexpr std::string_view letters = "PFUN";  // pass, fail, unknown, not applicable: the order of Status

// When it cannot be entered, the probes see that themselves.
void enter(Place place) {
  if (place == Place::own_mounts && unshare(CLONE_NEWNS) == 0)
    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (place == Place::own_network) (void)unshare(CLONE_NEWNET);
}

[[noreturn]] void child(const std::vector<Probe>& probes, int out) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGPIPE}) std::signal(signal, SIG_DFL);
  enter(probes.front().place);
  for (const auto& probe : probes) {
    const ProbeResult result = probe.run();
    std::string record(1, letters[static_cast<std::size_t>(result.status)]);
    record += result.detail;
    record += '\0';
    if (!write_all(out, record, "pipe")) break;
  }
  _exit(0);
}

ProbeResult parse_record(std::string_view record) {
  const auto letter = record.empty() ? std::string_view::npos : letters.find(record[0]);
  if (letter == std::string_view::npos) return unknown("the probe's answer was damaged");
  return {static_cast<Status>(letter), std::string(record.substr(1))};
}

}  // namespace

std::size_t Runner::run_child(const std::vector<Probe>& probes) {
  const auto give_up = [&](const char* what, int error) {
    for (const auto& probe : probes)
      results_[std::string(probe.name)] = unknown(fmt::format("{}: {}", what, std::strerror(error)));
    return probes.size();
  };
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return give_up("pipe", errno);
  UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return give_up("fork", errno);
  if (pid == 0) child(probes, out.get());
  setpgid(pid, pid);
  out.reset();

  std::size_t done = 0;
  std::string buffered;
  bool stuck = false;
  while (done < probes.size()) {
    pollfd waiting{in.get(), POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(limit_.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      stuck = true;
      break;
    }
    std::array<char, 4096> chunk;
    const ssize_t got = read(in.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    buffered.append(chunk.data(), static_cast<std::size_t>(got));
    for (std::size_t end; done < probes.size() && (end = buffered.find('\0')) != std::string::npos; ++done) {
      results_[std::string(probes[done].name)] = parse_record(std::string_view(buffered).substr(0, end));
      buffered.erase(0, end + 1);
    }
  }
  if (done < probes.size()) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (done == probes.size()) return done;
  const std::string name(probes[done].name);
  if (stuck)
    results_[name] = unknown(fmt::format("no answer within {} ms", limit_.count()));
  else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
    results_[name] = fail("a seccomp filter kills whoever asks (SIGSYS)");
  else
    results_[name] =
        unknown(fmt::format("the probe died (wait status {:#x})", static_cast<unsigned>(status)));
  return done + 1;
}

void Runner::run_place(std::vector<Probe> probes) {
  while (!probes.empty()) {
    const auto done = static_cast<std::ptrdiff_t>(run_child(probes));
    probes.erase(probes.begin(), probes.begin() + done);
  }
}

void Runner::run(const std::vector<Probe>& probes) {
  for (const Place place : {Place::here, Place::own_mounts, Place::own_network}) {
    std::vector<Probe> chosen;
    for (const auto& probe : probes)
      if (probe.place == place && !results_.contains(probe.name) &&
          std::ranges::find(chosen, probe.name, &Probe::name) == chosen.end())
        chosen.push_back(probe);
    run_place(std::move(chosen));
  }
}

ProbeResult Runner::result(std::string_view name) {
  if (const auto known = results_.find(name); known != results_.end()) return known->second;
  const Probe* probe = find_probe(name);
  if (!probe) return unknown(fmt::format("there is no probe '{}'", name));
  run({*probe});
  return results_.find(name)->second;
}

}  // namespace cg::probes
