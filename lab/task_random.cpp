// Things that a task can hold whose number, size and state are drawn by lot: "queues:17" is what the seed 17
// makes of queues.
#include "task_random.h"

#include <linux/memfd.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "task_parts.h"

namespace cg::lab {
namespace {

using std::chrono::milliseconds;

// As much as fits without waiting.
void fill(int fd, std::size_t most) {
  const std::string bytes(most, 'q');
  (void)send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void dup_somewhere(Dice& dice, int fd) {
  if (dice.one_in(3)) must(fcntl(fd, F_DUPFD, static_cast<int>(100 + dice.below(300))) >= 0, "F_DUPFD");
  if (dice.one_in(4)) must(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0, "F_SETFD");
}

void pipes(Dice& dice) {
  for (auto count = 1 + dice.below(4); count > 0; --count) {
    std::array<int, 2> ends{};
    must(pipe2(ends.data(), dice.one_in(2) ? O_NONBLOCK : 0) == 0, "pipe2");
    if (dice.one_in(3)) fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(4096U << dice.below(6)));
    const std::string bytes(dice.below(4096), 'p');
    if (dice.one_in(2)) must(write(ends[1], bytes.data(), bytes.size()) >= 0, "write");
    for (const int end : ends) dup_somewhere(dice, end);
    if (dice.one_in(4)) close(ends.at(dice.below(2)));
  }
}

void unix_queues(Dice& dice) {
  for (auto count = 1 + dice.below(4); count > 0; --count) {
    constexpr std::array types{SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    std::array<int, 2> ends{};
    must(socketpair(AF_UNIX, types.at(dice.below(types.size())), 0, ends.data()) == 0, "socketpair");
    for (const int end : ends)
      for (auto packets = dice.below(4); packets > 0; --packets) fill(end, 1 + dice.below(3000));
    if (dice.one_in(4)) shutdown(ends[0], static_cast<int>(dice.below(3)));
    for (const int end : ends) dup_somewhere(dice, end);
  }
}

// A port for each seed: two of these may be in one tree.
void tcp_queues(Dice& dice) {
  const auto port = static_cast<std::uint16_t>(20000 + dice.below(10000));
  const int listener = tcp_listener(port);
  for (auto count = 1 + dice.below(3); count > 0; --count) {
    const int client = must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket");
    connect_to(client, loopback(port));
    const int server = must_fd(accept(listener, nullptr, nullptr), "accept");
    for (const int end : {client, server}) fill(end, dice.below(20000));
    if (dice.one_in(4)) shutdown(dice.one_in(2) ? client : server, SHUT_WR);
    const int on = 1;
    if (dice.one_in(2)) setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (dice.one_in(3)) close(listener);
  std::this_thread::sleep_for(milliseconds(30));
}

void udp(Dice& dice) {
  const auto port = static_cast<std::uint16_t>(30000 + dice.below(10000));
  const int fd = must_fd(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  bind_to(fd, loopback(port));
  if (dice.one_in(2)) connect_to(must_fd(socket(AF_INET, SOCK_DGRAM, 0), "socket"), loopback(port));
}

void files(Dice& dice) {
  for (auto count = 1 + dice.below(5); count > 0; --count) {
    const std::string name = "/tmp/lab-random-" + std::to_string(dice.below(1U << 30));
    switch (dice.below(7)) {
      case 0: {  // a position somewhere, deleted or not, with a hole or not
        const int fd = new_file(name.c_str(), dice.below(60000));
        if (dice.one_in(3)) must(ftruncate(fd, static_cast<off_t>(dice.below(900000))) == 0, "ftruncate");
        lseek(fd, static_cast<off_t>(dice.below(1000)), SEEK_SET);
        if (dice.one_in(2)) unlink(name.c_str());
        dup_somewhere(dice, fd);
        break;
      }
      case 1:
        close(new_file(name.c_str(), 10));
        dup_somewhere(dice, must_fd(open(name.c_str(), O_WRONLY | O_APPEND), "open"));
        break;
      case 2:
        must(mkdir(name.c_str(), 0755) == 0, "mkdir");
        must_fd(open(name.c_str(), O_RDONLY | O_DIRECTORY), "open");
        break;
      case 3: {
        must(mkfifo(name.c_str(), 0600) == 0, "mkfifo");
        const int fd = must_fd(open(name.c_str(), O_RDWR | O_NONBLOCK), "open");
        if (dice.one_in(2)) must(write(fd, "fifo", 4) == 4, "write");
        break;
      }
      case 4: {
        const int fd = must_fd(memfd_create("lab-random", MFD_ALLOW_SEALING), "memfd_create");
        must(ftruncate(fd, static_cast<off_t>(dice.below(3U << 20))) == 0, "ftruncate");
        if (dice.one_in(2)) must(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0, "F_ADD_SEALS");
        break;
      }
      case 5:
        must_fd(open(dice.one_in(2) ? "/dev/urandom" : "/dev/full", O_RDONLY), "open");
        break;
      default:
        must_fd(open(dice.one_in(2) ? "/proc/self/status" : "/proc/sys/kernel/ostype", O_RDONLY), "open");
    }
  }
}

void memory(Dice& dice) {
  constexpr std::size_t page = 4096;
  for (auto count = 1 + dice.below(5); count > 0; --count) {
    const std::size_t size = page * (1 + dice.below(40));
    const bool shared = dice.one_in(2);
    int fd = -1;
    if (dice.one_in(2)) {
      const std::string name = "/tmp/lab-random-" + std::to_string(dice.below(1U << 30));
      fd = new_file(name.c_str(), size);
      if (dice.one_in(3)) unlink(name.c_str());
    }
    void* place = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       (shared ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    must(place != MAP_FAILED, "mmap");
    std::memset(place, 'm', page * (1 + dice.below(size / page)));
    if (dice.one_in(3)) must(mprotect(place, page, PROT_NONE) == 0, "mprotect");
    if (dice.one_in(4)) (void)mlock(place, page);
    if (dice.one_in(4) && fd < 0 && !shared)
      (void)madvise(place, size, dice.one_in(2) ? MADV_DONTFORK : MADV_WIPEONFORK);
    if (fd >= 0 && dice.one_in(2)) close(fd);
  }
}

void events(Dice& dice) {
  const int watch = must_fd(epoll_create1(0), "epoll");
  const auto watched = [&](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    must(epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  };
  for (auto count = 1 + dice.below(4); count > 0; --count) {
    switch (dice.below(4)) {
      case 0:
        watched(must_fd(eventfd(static_cast<unsigned>(dice.below(9)), dice.one_in(2) ? EFD_SEMAPHORE : 0),
                        "eventfd"));
        break;
      case 1: {
        const int fd = must_fd(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
        const itimerspec when{{static_cast<time_t>(dice.below(9)), 0}, {3, 0}};
        must(timerfd_settime(fd, 0, &when, nullptr) == 0, "timerfd_settime");
        watched(fd);
        break;
      }
      case 2: {
        const int inner = must_fd(epoll_create1(0), "epoll");
        watched(inner);
        break;
      }
      default: {
        // Its duplicate lives on when it is closed, or not.
        std::array<int, 2> ends{};
        must(pipe(ends.data()) == 0, "pipe");
        watched(ends[0]);
        if (dice.one_in(2)) {
          must(dup(ends[0]) >= 0, "dup");
          close(ends[0]);
        }
      }
    }
  }
}

// What is sent along in a UNIX socket that nobody has read.
void passed(Dice& dice) {
  std::array<int, 2> ends{};
  must(socketpair(AF_UNIX, dice.one_in(2) ? SOCK_STREAM : SOCK_DGRAM, 0, ends.data()) == 0, "socketpair");
  int fd = -1;
  std::array<int, 2> other{};
  switch (dice.below(3)) {
    case 0:
      must(pipe(other.data()) == 0, "pipe");
      fd = other[0];
      break;
    case 1:
      fd = must_fd(eventfd(1, 0), "eventfd");
      break;
    default:
      fd = new_file("/tmp/lab-passed", 100);
  }
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  must(sendmsg(ends[0], &message, 0) == 1, "sendmsg");
  if (dice.one_in(2)) close(fd);
}

void state(Dice& dice) {
  if (dice.one_in(2)) prctl(PR_SET_NAME, "lab random", 0, 0, 0);
  if (dice.one_in(3)) umask(static_cast<mode_t>(dice.below(0100)));
  if (dice.one_in(3)) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    if (dice.one_in(2)) raise(SIGUSR2);
  }
  if (dice.one_in(3)) {
    const rlimit limit{4096, 4096};
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  }
  if (dice.one_in(4)) must(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "PR_SET_DUMPABLE");
  if (dice.one_in(4)) alarm(100000);
}

void family(Dice& dice);

// A family is the last one: what its members hold is one of the others.
const std::vector<Chance>& table() {
  static const std::vector<Chance> all = [] {
    std::vector<Chance> list{
        {"pipes", pipes}, {"unix-queues", unix_queues}, {"tcp-queues", tcp_queues}, {"udp", udp},
        {"files", files}, {"memory", memory},           {"events", events},         {"passed", passed},
        {"state", state}};
    for (const auto& more : {chances_of_sockets(), chances_of_files(), chances_of_life()})
      list.insert(list.end(), more.begin(), more.end());
    list.push_back({"family", family});
    return list;
  }();
  return all;
}

// Children with sessions, groups and things of their own, threads in them, dead ones, stopped ones.
void family(Dice& dice) {
  for (auto count = 1 + dice.below(3); count > 0; --count) {
    Dice theirs(dice.below(1U << 30));
    const pid_t child = fork();
    must(child >= 0, "fork");
    if (child != 0) {
      if (theirs.one_in(8)) kill(child, SIGSTOP);
      continue;
    }
    try {
      if (theirs.one_in(6)) _exit(0);
      if (theirs.one_in(3)) setsid();
      if (theirs.one_in(3)) setpgid(0, 0);
      if (theirs.one_in(2)) table().at(theirs.below(table().size() - 1)).hold(theirs);
      if (theirs.one_in(3)) std::thread(wait_forever).detach();
      if (theirs.one_in(4)) family(theirs);
    } catch (const std::system_error&) {
      _exit(1);
    }
    wait_forever();
  }
  std::this_thread::sleep_for(milliseconds(150));
}

}  // namespace

std::vector<std::string> chances() {
  std::vector<std::string> names;
  for (const auto& one : table()) names.emplace_back(one.name);
  return names;
}

bool hold_by_chance(const std::string& name, std::uint64_t seed) {
  for (const auto& one : table())
    if (name == one.name) {
      Dice dice(seed);
      one.hold(dice);
      return true;
    }
  return false;
}

}  // namespace cg::lab
