#include "base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "base/text.h"

extern char** environ;

namespace cg {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<std::string> child_environment(const ProcessOptions& options) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const std::string name(text.substr(0, text.find('=')));
    if (options.set_variables.contains(name)) continue;
    if (std::ranges::find(options.unset_variables, name) != options.unset_variables.end()) continue;
    result.emplace_back(text);
  }
  for (const auto& [name, value] : options.set_variables) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// In the child: only async-signal-safe calls. errno is sent back through `failure`.
[[noreturn]] void become(const char* path, char** argv, char** envp, const char* directory, int in, int out,
                         int err, int failure) {
  setpgid(0, 0);
  // A group of its own gets no Ctrl-C from the terminal: when we are interrupted, the child must not go on
  // alone.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGPIPE, SIG_DFL);
  if ((*directory == 0 || chdir(directory) == 0) && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 &&
      dup2(err, 2) >= 0)
    execve(path, argv, envp);
  const int error = errno;
  (void)!write(failure, &error, sizeof error);
  _exit(127);
}

}  // namespace

std::optional<std::filesystem::path> find_program(const std::string& program) {
  if (program.contains('/'))
    return access(program.c_str(), X_OK) == 0 ? std::optional(program) : std::nullopt;
  const char* path = std::getenv("PATH");
  for (const auto& directory : split(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin", ':')) {
    std::filesystem::path candidate = std::filesystem::path(directory) / program;
    if (access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate)) return candidate;
  }
  return std::nullopt;
}

Result<ProcessResult> run(const std::vector<std::string>& argv, const ProcessOptions& options) {
  const auto program = find_program(argv.at(0));
  if (!program) return cannot(argv[0] + ": no such program on PATH");

  UniqueFd log;
  if (!options.log.empty()) {
    log.reset(open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!log) return cannot_errno(options.log.string(), errno);
  }
  CG_TRY(out, make_pipe());
  CG_TRY(err, make_pipe());
  CG_TRY(failure, make_pipe());
  Pipe in;
  if (options.input.empty()) {
    in.read.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  } else {
    CG_TRY(made, make_pipe());
    in = std::move(made);
    fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  }

  const auto environment = child_environment(options);
  const auto argv_pointers = pointers(argv);
  const auto env_pointers = pointers(environment);
  const std::string directory = options.directory.string();
  const pid_t child = fork();
  if (child < 0) return cannot_errno("fork", errno);
  if (child == 0)
    become(program->c_str(), const_cast<char**>(argv_pointers.data()),
           const_cast<char**>(env_pointers.data()), directory.c_str(), in.read.get(),
           log ? log.get() : out.write.get(), log ? log.get() : err.write.get(), failure.write.get());
  out.write.reset();
  err.write.reset();
  failure.write.reset();
  in.read.reset();

  int error = 0;
  if (read(failure.read.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    waitpid(child, nullptr, 0);
    return cannot_errno(program->string(), error);
  }

  ProcessResult result;
  const bool limited = options.timeout.has_value();
  const Clock::time_point deadline = Clock::now() + options.timeout.value_or(std::chrono::milliseconds(0));
  std::string_view input = options.input;
  std::vector<char> buffer(1 << 16);
  while (out.read || err.read || in.write) {
    std::array<pollfd, 3> polled{pollfd{out.read.get(), POLLIN, 0}, pollfd{err.read.get(), POLLIN, 0},
                                 pollfd{in.write.get(), POLLOUT, 0}};
    int wait = -1;
    if (limited && !result.timed_out) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      wait = left > 0 ? static_cast<int>(left) : 0;
    }
    const int ready = poll(polled.data(), polled.size(), wait);
    if (ready < 0 && errno != EINTR) return cannot_errno("poll", errno);
    if (ready == 0 && limited && Clock::now() >= deadline) {
      result.timed_out = true;
      kill(-child, SIGKILL);
      break;
    }
    const auto drain = [&](UniqueFd& fd, std::string& into, short events) {
      if (events == 0) return;
      const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
      if (got > 0 && options.on_output)
        options.on_output({buffer.data(), static_cast<std::size_t>(got)});
      else if (got > 0)
        into.append(buffer.data(), static_cast<std::size_t>(got));
      else if (got == 0 || errno != EINTR)
        fd.reset();
    };
    drain(out.read, result.out, polled[0].revents);
    drain(err.read, result.err, polled[1].revents);
    if (polled[2].revents != 0) {
      const ssize_t put = write(in.write.get(), input.data(), input.size());
      if (put > 0) input.remove_prefix(static_cast<std::size_t>(put));
      if (input.empty() || (put < 0 && errno != EAGAIN && errno != EINTR)) in.write.reset();
    }
  }
  // A child that closed its streams, or writes to a log, may still be running; the limit holds for it too.
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(child, &status, limited && !result.timed_out ? WNOHANG : 0);
    if (ended == child || (ended < 0 && errno != EINTR)) break;
    if (ended == 0) {
      if (Clock::now() >= deadline) {
        result.timed_out = true;
        kill(-child, SIGKILL);
      } else {
        usleep(10000);
      }
    }
  }
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

std::string last_lines(std::string_view text, std::size_t count) {
  const auto lines = split_lines(text);
  std::string result;
  for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i) {
    result += lines[i];
    result += '\n';
  }
  return result;
}

Result<std::string> run_checked(const std::vector<std::string>& argv, const ProcessOptions& options) {
  CG_TRY(result, run(argv, options));
  if (result.status == 0 && !result.timed_out) return std::move(result.out);
  std::string shown = result.err.empty() ? result.out : result.err;
  if (!options.log.empty()) {
    if (auto text = read_file(options.log)) shown = *text;
  }
  return cannot(fmt::format(
      "{}{}{}\n{}", join(argv, " "),
      result.timed_out ? ": time limit hit" : fmt::format(": exit status {}", result.status),
      options.log.empty() ? "" : "; whole log in " + options.log.string(), last_lines(shown, 20)));
}

}  // namespace cg
