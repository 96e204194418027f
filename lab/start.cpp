#include "start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include "base/text.h"
#include "container.h"
#include "procfs/scan.h"
#include "runtime.h"

namespace cg::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr const char* cgroup_root = "/sys/fs/cgroup";

struct Place {
  int namespaces = 0;  // flags of unshare(2)
  bool own_session = true;
  bool high_pid = false;  // beyond what many systems hand out at first
  bool second = false;    // not the first process of its pid namespace
  bool terminal = false;  // its standard streams are a terminal whose master is here
  bool piped = false;     // its standard output is a pipe to here
  bool container = false;
  const char* runtime = nullptr;  // a container made by it
  bool binds = false;             // of a directory and a file from the guest
  bool outside_input = false;     // its standard input is a file of the guest
  bool outside_files = false;     // its program and standard streams are
};

const std::map<std::string, Place>& places() {
  static const std::map<std::string, Place> table = {
      {"session", {}},
      {"high-pid", {.high_pid = true}},
      {"no-session", {.own_session = false}},
      {"piped", {.piped = true}},
      {"terminal", {.terminal = true}},
      {"pid-namespace", {.namespaces = CLONE_NEWPID}},
      {"pid-namespace-no-session", {.namespaces = CLONE_NEWPID, .own_session = false}},
      {"second-in-pid-namespace", {.namespaces = CLONE_NEWPID, .second = true}},
      {"mount-namespace", {.namespaces = CLONE_NEWNS}},
      {"mount-namespace-late", {.namespaces = CLONE_NEWNS, .outside_files = true}},
      {"ipc-namespace", {.namespaces = CLONE_NEWIPC}},
      {"uts-namespace", {.namespaces = CLONE_NEWUTS}},
      {"net-namespace", {.namespaces = CLONE_NEWNET}},
      {"time-namespace", {.namespaces = 0x80 /* CLONE_NEWTIME */}},
      {"container", {.container = true, .binds = true}},
      {"runc", {.runtime = "runc"}},
      {"crun", {.runtime = "crun"}},
      {"container-no-binds", {.container = true}},
      {"container-no-session", {.own_session = false, .container = true, .binds = true}},
      {"container-terminal", {.terminal = true, .container = true}},
      {"container-outside-input", {.container = true, .outside_input = true}},
  };
  return table;
}

void write_to(const fs::path& file, const std::string& text) {
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd) (void)write_all(fd.get(), text, file.string());
}

Result<void> join_cgroup(Running& running, const fs::path& directory) {
  CG_CHECK(make_directories(directory));
  running.cgroup = directory;
  if (running.pid > 0) write_to(directory / "cgroup.procs", std::to_string(running.pid));
  return {};
}

struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
  bool controlling = false;
};

Result<Streams> make_streams(const Place& place, Running& running) {
  Streams streams;
  if (place.terminal) {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) return cannot_errno("openpty", errno);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    fcntl(slave, F_SETFD, FD_CLOEXEC);
    running.held.emplace_back(master);
    running.held.emplace_back(slave);
    return Streams{slave, slave, slave, true};
  }
  if (place.piped) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
    running.held.emplace_back(ends[0]);
    running.held.emplace_back(ends[1]);
    streams.out = ends[1];
  }
  return streams;
}

std::vector<std::string> task_words(const std::string& program, const fs::path& record,
                                    const std::vector<std::string>& holds) {
  std::vector<std::string> words{program, "task", "--record", record.string()};
  words.insert(words.end(), holds.begin(), holds.end());
  return words;
}

[[noreturn]] void become_task(const Place& place, const Streams& streams,
                              const std::vector<std::string>& words) {
  // By its path, the program is a file of the task's own mounts, too.
  const std::string program = fs::read_symlink("/proc/self/exe");
  if (place.own_session && setsid() < 0) _exit(120);
  if (streams.controlling && ioctl(streams.in, TIOCSCTTY, 0) != 0) _exit(121);
  // Opened here, /dev/null is a file of the task's own mounts.
  const int null = place.outside_files ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
  const std::array<int, 3> wanted{streams.in, streams.out, streams.err};
  for (int fd = 0; fd < 3; ++fd) {
    const int from =
        wanted.at(static_cast<std::size_t>(fd)) >= 0 ? wanted.at(static_cast<std::size_t>(fd)) : null;
    if (from >= 0 && from != fd) dup2(from, fd);
    fcntl(fd, F_SETFD, 0);
  }
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(place.outside_files ? "/proc/self/exe" : program.c_str(), argv.data());
  _exit(122);
}

// The parent that makes the namespaces goes away, so that the task's parent is the lab.
Result<void> start_in_guest(const Place& place, Running& running, const std::vector<std::string>& words) {
  CG_TRY(streams, make_streams(place, running));
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
  UniqueFd in(report[0]);
  UniqueFd out(report[1]);
  const pid_t maker = fork();
  if (maker < 0) return cannot_errno("fork", errno);
  if (maker == 0) {
    if (place.namespaces && unshare(place.namespaces) != 0) _exit(1);
    if (place.namespaces & CLONE_NEWNS) mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    std::array<pid_t, 2> pids{-1, -1};
    if (place.second) {
      pids[1] = fork();
      if (pids[1] == 0) {
        setsid();
        for (;;) pause();
      }
    }
    if (place.high_pid) write_to("/proc/sys/kernel/ns_last_pid", "30000");
    pids[0] = fork();
    if (pids[0] == 0) become_task(place, streams, words);
    _exit(write(out.get(), pids.data(), sizeof pids) == sizeof pids ? 0 : 1);
  }
  out.reset();
  std::array<pid_t, 2> pids{-1, -1};
  const bool told = read(in.get(), pids.data(), sizeof pids) == sizeof pids;
  waitpid(maker, nullptr, 0);
  if (!told || pids[0] <= 0) return cannot("the task could not be started: its namespaces are refused");
  running.pid = pids[0];
  running.companion = pids[1];
  return {};
}

Result<void> start_container(const Place& place, Running& running, const std::vector<std::string>& holds,
                             const fs::path& work) {
  const fs::path rootfs = work / "rootfs";
  CG_CHECK(demo::prepare_rootfs(rootfs, "/proc/self/exe"));
  for (const char* directory : {"tmp", "mnt"}) CG_CHECK(make_directories(rootfs / directory));
  running.record = rootfs / "record";
  running.inside = "/record";
  demo::ContainerSpec spec;
  spec.rootfs = rootfs;
  spec.cgroup = fs::path(cgroup_root) / "lab" / "container";
  spec.session = place.own_session ? demo::Session::own : demo::Session::inherited;
  if (place.binds) {
    CG_CHECK(make_directories(work / "shm"));
    CG_CHECK(write_file_atomically(work / "hosts", "127.0.0.1 localhost\n"));
    spec.binds = {{work / "shm", "/dev/shm"}, {work / "hosts", "/etc/hosts"}};
    // A tmpfs of the guest, as the pod's shared memory is.
    mount("shm", (work / "shm").c_str(), "tmpfs", 0, nullptr);
  }
  spec.argv = task_words("/bin/demo-workload", "/record", holds);
  CG_CHECK(make_directories(spec.cgroup));
  running.cgroup = spec.cgroup;
  if (place.terminal) {
    CG_TRY(streams, make_streams(place, running));
    spec.standard_input = spec.standard_output = spec.standard_error = streams.in;
  } else {
    std::array<UniqueFd, 3> theirs;
    for (int number = 0; number < 3; ++number) {
      std::array<int, 2> ends{};
      if (pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
      running.held.emplace_back(ends[number == 0 ? 1 : 0]);
      theirs.at(static_cast<std::size_t>(number)).reset(ends[number == 0 ? 0 : 1]);
    }
    if (place.outside_input) {
      running.outside_file = "/dev/null";
      theirs[0].reset(open("/dev/null", O_RDWR | O_CLOEXEC));
    }
    spec.standard_input = theirs[0].get();
    spec.standard_output = theirs[1].get();
    spec.standard_error = theirs[2].get();
    for (auto& end : theirs) running.held.push_back(std::move(end));
  }
  CG_TRY(pid, demo::start_container(spec));
  running.pid = pid;
  return {};
}

std::uint64_t recorded(const fs::path& record) {
  const auto text = read_file(record);
  return text ? procfs::to_number<std::uint64_t>(trim(std::string_view(*text).substr(0, text->find('\n'))))
                    .value_or(0)
              : 0;
}

// Waits for `done`, at most `limit`.
bool wait_for(milliseconds limit, auto done) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

bool frozen(const fs::path& cgroup) {
  const auto v2 = read_file(cgroup / "cgroup.events");
  if (v2) return v2->contains("frozen 1");
  const auto v1 = read_file(cgroup / "freezer.state");
  return v1 && trim(*v1) == "FROZEN";
}

Result<void> freeze(const fs::path& cgroup, const fs::path& where) {
  write_to(where / "cgroup.freeze", "1");
  if (wait_for(milliseconds(3000), [&] { return frozen(cgroup); })) return {};
  return cannot(cgroup.string() + " did not freeze");
}

}  // namespace

std::vector<std::string> known_places() {
  std::vector<std::string> names;
  for (const auto& [name, place] : places()) names.push_back(name);
  return names;
}

Result<Running> start(const std::string& name, const std::vector<std::string>& holds, const fs::path& work) {
  const auto place = places().find(name);
  if (place == places().end())
    return refused(fmt::format("no place '{}'{}", name, did_you_mean(name, known_places())));
  Running running;
  running.record = running.inside = work / "record";
  CG_CHECK(make_directories(work));
  if (place->second.runtime)
    CG_CHECK(start_by_runtime(place->second.runtime, running, holds, work));
  else if (place->second.container)
    CG_CHECK(start_container(place->second, running, holds, work));
  else
    CG_CHECK(start_in_guest(place->second, running, task_words("lab-guest", running.record, holds)));
  if (wait_for(milliseconds(15000),
               [&] {
                 return recorded(running.record) > 0 || kill(running.pid, 0) != 0 ||
                        waitpid(running.pid, nullptr, WNOHANG) > 0;
               }) &&
      recorded(running.record) > 0)
    return running;
  finish(running);
  const std::string why = read_file(running.record).value_or("");
  if (why.starts_with("absent")) return refused(std::string(trim(why)));
  return cannot(
      fmt::format("the task at '{}' with '{}' did not come to count: {}", name, join(holds, " "), trim(why)));
}

Result<void> afterwards(const std::string& deed, Running& running) {
  const fs::path parent = fs::path(cgroup_root) / "lab" / "parent";
  if (deed == "freeze" || deed == "stranger") {
    if (running.cgroup.empty()) CG_CHECK(join_cgroup(running, parent / "task"));
    if (deed == "freeze") return freeze(running.cgroup, running.cgroup);
    running.companion = fork();
    if (running.companion == 0)
      for (;;) pause();
    write_to(running.cgroup / "cgroup.procs", std::to_string(running.companion));
    return {};
  }
  if (deed == "freeze-parent") {
    CG_CHECK(join_cgroup(running, parent / "task"));
    return freeze(running.cgroup, parent);
  }
  if (deed == "freeze-v1") {
    const fs::path root = "/run/lab/freezer";
    CG_CHECK(make_directories(root));
    if (!fs::exists(root / "cgroup.procs") && mount("freezer", root.c_str(), "cgroup", 0, "freezer") != 0)
      return cannot_errno("mounting the v1 freezer", errno);
    CG_CHECK(join_cgroup(running, root / "task"));
    write_to(running.cgroup / "freezer.state", "FROZEN");
    if (wait_for(milliseconds(3000), [&] { return frozen(running.cgroup); })) return {};
    return cannot("the v1 freezer did not freeze");
  }
  if (deed == "trace") {
    running.companion = fork();
    if (running.companion == 0) {
      constexpr long seize = 0x4206;
      if (syscall(SYS_ptrace, seize, running.pid, nullptr, nullptr) != 0) _exit(1);
      for (;;) pause();
    }
    std::this_thread::sleep_for(milliseconds(100));
    return {};
  }
  return refused(fmt::format("nothing of the name '{}' can be done to the task", deed));
}

bool counts_on(const Running& running) {
  // A restored mount namespace has other file systems than the one that was dumped. In ours, the task may
  // have called chroot(2).
  std::error_code gone;
  const auto theirs = fs::read_symlink(fmt::format("/proc/{}/ns/mnt", running.pid), gone);
  const fs::path record =
      theirs == fs::read_symlink("/proc/self/ns/mnt", gone)
          ? running.record
          : fs::path(fmt::format("/proc/{}/root{}", running.pid, running.inside.string()));
  const std::uint64_t before = recorded(record);
  return wait_for(milliseconds(2000), [&] { return recorded(record) > before; });
}

void finish(Running& running) {
  if (!running.cgroup.empty()) {
    write_to(running.cgroup.parent_path() / "cgroup.freeze", "0");
    write_to(running.cgroup / "cgroup.freeze", "0");
    write_to(running.cgroup / "freezer.state", "THAWED");
  }
  for (const pid_t pid : {running.pid, running.companion})
    if (pid > 0) kill(pid, SIGKILL);
  if (!running.runtime.empty()) delete_container(running);
  running.held.clear();  // hangs up a terminal that a session lives on
  // What a tree leaves to its subreaper holds ports and names that the next one wants.
  wait_for(milliseconds(3000), [] {
    const std::string children = read_file("/proc/thread-self/children").value_or("");
    for (const auto& pid : split(children, ' '))
      if (const auto number = procfs::to_number<pid_t>(trim(pid))) kill(*number, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
  });
  if (!running.cgroup.empty()) {
    write_to(running.cgroup / "cgroup.kill", "1");
    wait_for(milliseconds(2000), [&] {
      while (waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      return rmdir(running.cgroup.c_str()) == 0 || errno != EBUSY;
    });
  }
}

int descriptor_for(const std::string& key, Running& running) {
  if (key.starts_with("pipe:[")) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return -1;
    running.held.emplace_back(ends[0]);
    return ends[1];
  }
  if (key.starts_with("file["))
    return open(running.outside_file.empty() ? "/dev/null" : running.outside_file.c_str(), O_RDWR);
  if (key.starts_with("tty[")) {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) return -1;
    running.held.emplace_back(master);
    return slave;
  }
  if (key == "pidns") return open(fmt::format("/proc/{}/ns/pid", running.companion).c_str(), O_RDONLY);
  if (key.starts_with("socket:[")) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/run/lab/stream.sock");
    return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
  }
  return -1;
}

Result<std::string> new_terminal(Running& running) {
  int master = -1;
  int slave = -1;
  std::array<char, 64> name{};
  if (openpty(&master, &slave, name.data(), nullptr, nullptr) != 0) return cannot_errno("openpty", errno);
  close(slave);
  fcntl(master, F_SETFD, FD_CLOEXEC);
  running.held.emplace_back(master);
  return std::string(name.data());
}

Result<pid_t> start_outside() {
  CG_CHECK(make_directories("/run/lab"));
  std::array<UniqueFd, 4> listeners{UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                                    UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                                    UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
                                    UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  const auto unix_bind = [](int fd, const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path);
    unlink(path);
    return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  };
  sockaddr_in tcp{};
  tcp.sin_family = AF_INET;
  tcp.sin_port = htons(9000);
  tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!unix_bind(listeners[0].get(), "/run/lab/stream.sock") ||
      !unix_bind(listeners[2].get(), "/run/lab/datagram.sock") ||
      bind(listeners[1].get(), reinterpret_cast<sockaddr*>(&tcp), sizeof tcp) != 0 ||
      !unix_bind(listeners[3].get(), "/run/lab/busy.sock") || listen(listeners[3].get(), 64) != 0 ||
      listen(listeners[0].get(), 64) != 0 || listen(listeners[1].get(), 64) != 0)
    return cannot_errno("the sockets outside", errno);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A socket belongs to the network namespace it was made in. Nobody accepts at "busy".
  std::thread([&unix_bind] {
    if (unshare(CLONE_NEWNET) == 0)
      unix_bind(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "/run/lab/elsewhere.sock");
  }).join();
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{listeners[0].get(), POLLIN, 0},
                                  pollfd{listeners[1].get(), POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) <= 0) continue;
    for (const auto& one : waiting)
      if (one.revents) (void)accept4(one.fd, nullptr, nullptr, SOCK_CLOEXEC);
  }
}

}  // namespace cg::lab
