#include "task.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pty.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "task_parts.h"
#include "task_random.h"

namespace cg::lab {
namespace {

bool is_absence(int error) {
  return error == ENOSYS || error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ENODEV ||
         error == ESOCKTNOSUPPORT;
}
std::map<std::string, Holding> holdings_of_kind() {
  return {
      // Harmless.
      {"unix-pair",
       [] {
         std::array<int, 2> ends{};
         must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0, "socketpair");
         must(write(ends[0], "abc", 3) == 3, "write");
       }},
      {"unix-listen",
       [] {
         const int fd = must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
         unlink("/tmp/lab-listen.sock");
         bind_to(fd, unix_name("/tmp/lab-listen.sock"));
         must(listen(fd, 1) == 0, "listen");
       }},
      {"tcp-listen", [] { tcp_listener(9100); }},
      {"udp", [] { bind_to(must_fd(socket(AF_INET, SOCK_DGRAM, 0), "socket"), loopback(9101)); }},
      {"udp-unbound", [] { must_fd(socket(AF_INET, SOCK_DGRAM, 0), "socket"); }},
      {"tcp-closed", [] { must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket"); }},
      {"raw", [] { must_fd(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "socket"); }},
      {"packet", [] { must_fd(socket(AF_PACKET, SOCK_DGRAM, 0), "socket"); }},
      {"netlink", [] { must_fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket"); }},
      {"posix-timer",
       [] {
         timer_t timer{};
         sigevent event{};
         event.sigev_notify = SIGEV_NONE;
         must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
       }},
      {"eventfd", [] { must_fd(eventfd(3, 0), "eventfd"); }},
      {"signalfd",
       [] {
         sigset_t set;
         sigemptyset(&set);
         sigaddset(&set, SIGUSR1);
         sigprocmask(SIG_BLOCK, &set, nullptr);
         must_fd(::signalfd(-1, &set, 0), "signalfd");
       }},
      {"timerfd", [] { must_fd(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd"); }},
      {"epoll",
       [] {
         const int fd = must_fd(epoll_create1(0), "epoll");
         std::array<int, 2> ends{};
         must(pipe(ends.data()) == 0, "pipe");
         epoll_event event{.events = EPOLLIN, .data = {}};
         must(epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event) == 0, "epoll_ctl");
       }},
      {"inotify",
       [] {
         mkdir("/tmp/lab-watched", 0755);
         const int fd = must_fd(inotify_init1(0), "inotify");
         must(inotify_add_watch(fd, "/tmp/lab-watched", IN_CREATE) >= 0, "inotify_add_watch");
       }},
      {"memfd",
       [] {
         const int fd = must_fd(memfd_create("lab", 0), "memfd_create");
         must(ftruncate(fd, 3 << 20) == 0, "ftruncate");
       }},
      {"threads",
       [] {
         for (int count = 0; count < 3; ++count) std::thread(wait_forever).detach();
       }},
      {"child",
       [] {
         if (fork() == 0) wait_forever();
       }},
      {"zombie",
       [] {
         if (fork() == 0) _exit(0);
         std::this_thread::sleep_for(std::chrono::milliseconds(50));
       }},
      {"stopped-child",
       [] {
         const pid_t child = fork();
         if (child == 0) wait_forever();
         kill(child, SIGSTOP);
         std::this_thread::sleep_for(std::chrono::milliseconds(50));
       }},
      {"seccomp",
       [] {
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
         sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
         const sock_fprog program{1, &allow};
         must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0, "seccomp");
       }},
      {"pty-pair",
       [] {
         int master = -1;
         int slave = -1;
         must(openpty(&master, &slave, nullptr, nullptr, nullptr) == 0, "openpty");
       }},
      {"pipe-full",
       [] {
         std::array<int, 2> ends{};
         must(pipe(ends.data()) == 0, "pipe");
         must(write(ends[1], "abc", 3) == 3, "write");
       }},
      {"pipe-pair",
       [] {
         std::array<int, 2> ends{};
         must(pipe(ends.data()) == 0, "pipe");
       }},
      {"child-mount-namespace", [] { child_in(CLONE_NEWNS); }},
      {"deleted-small",
       [] {
         new_file("/tmp/lab-deleted", 100 << 10);
         unlink("/tmp/lab-deleted");
       }},
      // Cleared by an option.
      {"deleted-2M",
       [] {
         new_file("/tmp/lab-deleted", 2 << 20);
         unlink("/tmp/lab-deleted");
       }},
      {"deleted-sparse",  // large by its size, small by its blocks
       [] {
         const int fd = new_file("/tmp/lab-deleted", 4096);
         must(ftruncate(fd, 8 << 20) == 0, "ftruncate");
         unlink("/tmp/lab-deleted");
       }},
      {"open-file", [] { new_file("/tmp/lab-open", 5000); }},
      {"appended-file",  // of a log's size CRIU makes nothing
       [] {
         new_file("/tmp/lab-log", 100);
         must_fd(open("/tmp/lab-log", O_WRONLY | O_APPEND), "open");
       }},
      {"mapped-program",
       [] {
         std::filesystem::copy_file("/proc/self/exe", "/tmp/lab-program",
                                    std::filesystem::copy_options::overwrite_existing);
         chmod("/tmp/lab-program", 0755);
         const int fd = must_fd(open("/tmp/lab-program", O_RDONLY), "open");
         must(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED, "mmap");
         close(fd);
       }},
      {"working-directory",
       [] {
         mkdir("/tmp/lab-directory", 0755);
         must(chdir("/tmp/lab-directory") == 0, "chdir");
       }},
      {"fifo",  // with something in it
       [] {
         must(mkfifo("/tmp/lab-fifo", 0644) == 0, "mkfifo");
         const int fd = must_fd(open("/tmp/lab-fifo", O_RDWR), "open");
         must(write(fd, "abc", 3) == 3, "write");
       }},
      {"unix-abstract",
       [] {
         const int fd = must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
         bind_to_abstract(fd, "lab-abstract");
         must(listen(fd, 1) == 0, "listen");
       }},
      {"own-address",  // of an interface, which somebody gave it
       [] {
         const int fd = must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket");
         ifreq request{};
         std::strcpy(request.ifr_name, lab_alias);
         sockaddr_in address = loopback(0);
         address.sin_addr.s_addr = htonl(lab_address);
         std::memcpy(&request.ifr_addr, &address, sizeof address);
         must(ioctl(fd, SIOCSIFADDR, &request) == 0, "SIOCSIFADDR");
         address.sin_port = htons(9102);
         bind_to(fd, address);
         must(listen(fd, 1) == 0, "listen");
       }},
      {"high-descriptor", [] { must_fd(dup2(new_file("/tmp/lab-open", 10), 900), "dup2"); }},
      {"unix-bound",
       [] {
         mkdir("/tmp/lab-sockets", 0755);
         bind_to(must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket"), unix_name("/tmp/lab-sockets/one"));
       }},
      {"renamed-away",  // the name is gone, another one is left
       [] {
         unlink("/tmp/lab-other-name");
         new_file("/tmp/lab-name", 10);
         must(link("/tmp/lab-name", "/tmp/lab-other-name") == 0, "link");
         unlink("/tmp/lab-name");
       }},
      {"flock", [] { must(flock(new_file("/tmp/lab-locked", 1), LOCK_EX) == 0, "flock"); }},
      {"ofd-lock",
       [] {
         struct flock lock {};
         lock.l_type = F_WRLCK;
         must(fcntl(new_file("/tmp/lab-locked", 1), F_OFD_SETLK, &lock) == 0, "fcntl");
       }},
      {"posix-lock",
       [] {
         struct flock lock {};
         lock.l_type = F_WRLCK;
         must(fcntl(new_file("/tmp/lab-locked", 1), F_SETLK, &lock) == 0, "fcntl");
       }},
      {"tcp-pair",
       [] {
         const int listener = tcp_listener(9102);
         connect_to(must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket"), loopback(9102));
         must_fd(accept(listener, nullptr, nullptr), "accept");
       }},
      {"tcp-outside", [] { connect_to(must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket"), loopback(9000)); }},
      {"tcp-in-flight",
       [] {
         tcp_listener(9103);
         if (fork() == 0) {
           // The connection must outlive its maker, and not be the task's own.
           const int fd = socket(AF_INET, SOCK_STREAM, 0);
           connect_to(fd, loopback(9103));
           _exit(0);
         }
         wait(nullptr);
       }},
      {"unix-stream-outside",
       [] {
         connect_to(must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), unix_name("/run/lab/stream.sock"));
       }},
      {"unix-datagram-outside",
       [] {
         connect_to(must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket"), unix_name("/run/lab/datagram.sock"));
       }},
      // Cleared by nothing.
      {"io_uring",
       [] {
         io_uring_params parameters{};
         must_fd(syscall(SYS_io_uring_setup, 4, &parameters), "io_uring_setup");
       }},
      {"guard-region",
       [] {
         // As the stacks of threads have them in the newest C libraries.
         constexpr std::size_t page = 4096;
         constexpr int guard_install = 102;  // MADV_GUARD_INSTALL, since Linux 6.13
         void* place = mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         must(place != MAP_FAILED, "mmap");
         std::memset(place, 1, 3 * page);
         const bool installed = madvise(static_cast<char*>(place) + page, page, guard_install) == 0;
         if (!installed && errno == EINVAL)
           errno = ENOSYS;  // an older kernel's word for what it does not know
         must(installed, "madvise(MADV_GUARD_INSTALL)");
       }},
      {"userfaultfd", [] { must_fd(syscall(SYS_userfaultfd, 0), "userfaultfd"); }},
      {"perf",
       [] {
         perf_event_attr attributes{};
         attributes.size = sizeof attributes;
         attributes.type = PERF_TYPE_SOFTWARE;
         attributes.config = PERF_COUNT_SW_TASK_CLOCK;
         must_fd(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0), "perf_event_open");
       }},
      {"bpf-map",
       [] {
         bpf_attr attributes{};
         attributes.map_type = BPF_MAP_TYPE_ARRAY;
         attributes.key_size = 4;
         attributes.value_size = 4;
         attributes.max_entries = 1;
         must_fd(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes), "bpf");
       }},
      {"pidfd",
       [] {
         const pid_t child = fork();
         if (child == 0) wait_forever();
         must_fd(syscall(SYS_pidfd_open, child, 0), "pidfd_open");
       }},
      {"vsock", [] { must_fd(socket(AF_VSOCK, SOCK_STREAM, 0), "socket"); }},
      {"alg", [] { must_fd(socket(AF_ALG, SOCK_SEQPACKET, 0), "socket"); }},
      {"ping",
       [] {
         // Who may ping is a list of groups, empty by default.
         const UniqueFd range(open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC));
         must(range && write(range.get(), "0 1000", 6) == 6, "ping_group_range");
         must_fd(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), "socket");
       }},
      {"sctp", [] { must_fd(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), "socket"); }},
      {"mptcp", [] { must_fd(socket(AF_INET, SOCK_STREAM, 262), "socket"); }},
      {"packet-pipe",
       [] {
         std::array<int, 2> ends{};
         must(pipe2(ends.data(), O_DIRECT) == 0, "pipe2");
       }},
      {"kmsg", [] { must_fd(open("/dev/kmsg", O_RDONLY), "/dev/kmsg"); }},
      {"block-device", [] { must_fd(open("/dev/vda", O_RDONLY), "/dev/vda"); }},
      {"replaced-file",
       [] {
         mkdir("/tmp/lab-replaced", 0755);
         new_file("/tmp/lab-replaced/file", 10);
         // The link in /proc follows a rename; it does not follow a mount over the directory.
         must(mount("lab", "/tmp/lab-replaced", "tmpfs", 0, nullptr) == 0, "mount");
         close(new_file("/tmp/lab-replaced/file", 10));
       }},
      {"sysv-shm",
       [] {
         const int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
         must(id >= 0, "shmget");
         must(shmat(id, nullptr, 0) != reinterpret_cast<void*>(-1), "shmat");
         shmctl(id, IPC_RMID, nullptr);
       }},
      {"sysv-shm-kept",
       [] {
         const int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
         must(id >= 0, "shmget");
         must(shmat(id, nullptr, 0) != reinterpret_cast<void*>(-1), "shmat");
       }},
      {"misc-device", [] { must_fd(open("/dev/hwrng", O_RDONLY), "/dev/hwrng"); }},
      {"child-network-namespace", [] { child_in(CLONE_NEWNET); }},
      {"netlink-group",
       [] {
         sockaddr_nl address{};
         address.nl_family = AF_NETLINK;
         address.nl_groups = 1;
         bind_to(must_fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket"), address);
       }},
      {"zero-mapping",
       [] {
         must(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, must_fd(open("/dev/zero", O_RDWR), "/dev/zero"),
                   0) != MAP_FAILED,
              "mmap");
       }},
      {"deleted-mapping",
       [] {
         const int fd = new_file("/tmp/lab-mapped", 2 << 20);
         must(mmap(nullptr, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
         unlink("/tmp/lab-mapped");
         close(fd);
       }},
      {"child-pid-namespace", [] { child_in(CLONE_NEWPID); }},
      {"child-uts-namespace", [] { child_in(CLONE_NEWUTS); }},
      {"child-ipc-namespace", [] { child_in(CLONE_NEWIPC); }},
      {"child-user-namespace", [] { child_in(CLONE_NEWUSER); }},
      {"child-cgroup-namespace", [] { child_in(CLONE_NEWCGROUP); }},
      {"shared-directory",
       [] {
         const long child = syscall(SYS_clone, CLONE_FS | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
         must(child >= 0, "clone");
         if (child == 0) wait_forever();
       }},
      {"vfork",
       [] {
         if (fork() != 0) return;
         if (vfork() == 0) wait_forever();
         _exit(0);
       }},
      {"self-traced-child",
       [] {
         const pid_t child = fork();
         if (child == 0) {
           prctl(PR_SET_PTRACER, static_cast<unsigned long>(-1), 0, 0, 0);
           wait_forever();
         }
         constexpr long seize = 0x4206;
         must(syscall(SYS_ptrace, seize, child, nullptr, nullptr) == 0, "ptrace");
       }},
      {"message-queue",
       [] {
         const mqd_t queue = mq_open("/lab", O_CREAT | O_RDWR, 0600, nullptr);
         must(queue != static_cast<mqd_t>(-1), "mq_open");
         mq_close(queue);
       }},
      {"tmpfs-mount", [] { must(mount("lab", "/mnt", "tmpfs", 0, nullptr) == 0, "mount"); }},
      {"ramfs-mount", [] { must(mount("lab", "/mnt", "ramfs", 0, nullptr) == 0, "mount"); }},
      {"double-mount",
       [] {
         must(mount("one", "/mnt", "tmpfs", 0, nullptr) == 0, "mount");
         must_fd(open("/mnt/below", O_RDWR | O_CREAT, 0644), "open");
         must(mount("two", "/mnt", "tmpfs", 0, nullptr) == 0, "mount");
       }},
      {"deleted-directory",
       [] {
         mkdir("/tmp/lab-gone", 0755);
         must(chdir("/tmp/lab-gone") == 0, "chdir");
         rmdir("/tmp/lab-gone");
       }},
      {"fanotify",
       [] {
         const int fd = must_fd(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), "fanotify_init");
         must(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/tmp") == 0, "fanotify_mark");
       }},
  };
}

const std::map<std::string, Holding>& holdings() {
  static const std::map<std::string, Holding> table = [] {
    auto all = holdings_of_kind();
    all.merge(holdings_of_state());
    return all;
  }();
  return table;
}

}  // namespace

std::vector<std::string> known_holdings() {
  std::vector<std::string> names;
  for (const auto& [name, holding] : holdings()) names.push_back(name);
  return names;
}

Result<void> be_the_task(const std::filesystem::path& record, const std::vector<std::string>& holds) {
  const int file = open(record.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return cannot_errno(record.string(), errno);
  for (const auto& name : holds) {
    const auto colon = name.find(':');
    const auto holding = holdings().find(name);
    try {
      if (colon != name.npos) {
        if (!hold_by_chance(name.substr(0, colon), std::strtoull(name.c_str() + colon + 1, nullptr, 10)))
          return usage_error(fmt::format("nothing of the name '{}' by chance", name));
      } else if (holding == holdings().end()) {
        return usage_error(
            fmt::format("nothing of the name '{}' to hold{}", name, did_you_mean(name, known_holdings())));
      } else {
        holding->second();
      }
    } catch (const std::system_error& error) {
      const std::string why = fmt::format(
          "{}: {}: {}", is_absence(error.code().value()) ? "absent" : "failed", name, error.what());
      (void)write_all(file, why + "\n", record.string());
      return cannot(why);
    }
  }
  for (std::uint64_t count = 1;; ++count) {
    const std::string text = fmt::format("{}\n", count);
    if (pwrite(file, text.data(), text.size(), 0) < 0) return cannot_errno(record.string(), errno);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace cg::lab
