// Things whose state decides, and not their kind: where they point to, what waits in them, who is at the
// other end.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/memfd.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pty.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "task_parts.h"

namespace cg::lab {
namespace {

using std::chrono::milliseconds;

void soon() {
  std::this_thread::sleep_for(milliseconds(50));
}

// A leader of a session of its own that forks and ends: its child stays behind in that session.
void leave_an_orphan() {
  const pid_t leader = fork();
  must(leader >= 0, "fork");
  if (leader == 0) {
    setsid();
    if (fork() == 0) wait_forever();
    _exit(0);
  }
  must(waitpid(leader, nullptr, 0) == leader, "waitpid");
}

// A listening UNIX socket and a client that nobody accepts.
int unaccepted_client() {
  const int listener = must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  unlink("/tmp/lab-slow.sock");
  bind_to(listener, unix_name("/tmp/lab-slow.sock"));
  must(listen(listener, 4) == 0, "listen");
  const int client = must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  connect_to(client, unix_name("/tmp/lab-slow.sock"));
  return client;
}

bool ran_ip(std::vector<std::string> words) {
  words.insert(words.begin(), "ip");
  const pid_t child = fork();
  if (child == 0) {
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp("ip", argv.data());
    _exit(1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

// A macvlan here, whose parent is in the first network namespace. Without a number it gets the next that is
// free here, which is taken there.
void make_macvlan(const std::vector<std::string>& number) {
  const std::string own = std::to_string(getpid());
  const pid_t maker = fork();
  if (maker == 0) {
    if (setns(open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC), CLONE_NEWNET) != 0) _exit(1);
    (void)ran_ip({"link", "add", "labparent", "type", "dummy"});  // of an earlier task, if it is there
    std::vector<std::string> words{"link", "add", "labmac", "link", "labparent", "netns", own};
    words.insert(words.end(), number.begin(), number.end());
    words.insert(words.end(), {"type", "macvlan"});
    const bool made = ran_ip(std::move(words));
    _exit(made ? 0 : 1);
  }
  int status = 1;
  must(waitpid(maker, &status, 0) == maker && status == 0, "a macvlan");
}

// A file whose name is gone, while another one is left.
void renamed_away_in(const std::string& directory) {
  must(mkdir(directory.c_str(), 0755) == 0, "mkdir");
  new_file((directory + "/name").c_str(), 10);
  must(link((directory + "/name").c_str(), (directory + "/other").c_str()) == 0, "link");
  unlink((directory + "/name").c_str());
}

// An overlay at /tmp/lab-overlay, with a directory in it.
void mount_overlay() {
  for (const char* name : {"/tmp/lab-layers", "/tmp/lab-overlay"}) mkdir(name, 0755);
  must(mount("lab", "/tmp/lab-layers", "tmpfs", 0, nullptr) == 0, "mount");
  for (const char* name : {"/tmp/lab-layers/lower", "/tmp/lab-layers/lower/watched", "/tmp/lab-layers/upper",
                           "/tmp/lab-layers/work"})
    must(mkdir(name, 0755) == 0, name);
  must(mount("lab", "/tmp/lab-overlay", "overlay", 0,
             "lowerdir=/tmp/lab-layers/lower,upperdir=/tmp/lab-layers/upper,workdir=/tmp/lab-layers/work") ==
           0,
       "mount overlay");
}

// Unread data in a UNIX socket that tells more than the data.
void queue_with(int type, int option) {
  std::array<int, 2> ends{};
  must(socketpair(AF_UNIX, type, 0, ends.data()) == 0, "socketpair");
  const int on = 1;
  must(setsockopt(ends[0], SOL_SOCKET, option, &on, sizeof on) == 0, "setsockopt");
  must(write(ends[1], "who", 3) == 3, "write");
}

}  // namespace

std::map<std::string, Holding> holdings_of_state() {
  return {
      {"overlay-inotify",
       [] {
         mount_overlay();
         must(inotify_add_watch(must_fd(inotify_init1(0), "inotify"), "/tmp/lab-overlay/watched",
                                IN_CREATE) >= 0,
              "inotify_add_watch");
       }},
      {"overlay-fanotify",
       [] {
         mount_overlay();
         const int fd = must_fd(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), "fanotify_init");
         must(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/tmp/lab-overlay/watched") == 0,
              "fanotify_mark");
       }},
      {"inotify-gone",  // the watched file has lost its name, and is still open
       [] {
         const int watch = must_fd(inotify_init1(0), "inotify");
         new_file("/tmp/lab-watched-file", 1);
         must(inotify_add_watch(watch, "/tmp/lab-watched-file", IN_MODIFY) >= 0, "inotify_add_watch");
         unlink("/tmp/lab-watched-file");
       }},
      {"pidfd-outside", [] { must_fd(syscall(SYS_pidfd_open, 1, 0), "pidfd_open"); }},
      {"pidfd-dead",
       [] {
         const pid_t child = fork();
         if (child == 0) wait_forever();
         must_fd(syscall(SYS_pidfd_open, child, 0), "pidfd_open");
         kill(child, SIGKILL);
         waitpid(child, nullptr, 0);
       }},
      {"netlink-unread",
       [] {
         const int fd = must_fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket");
         struct {
           nlmsghdr head{.nlmsg_len = sizeof(nlmsghdr) + sizeof(rtgenmsg),
                         .nlmsg_type = RTM_GETLINK,
                         .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                         .nlmsg_seq = 1,
                         .nlmsg_pid = 0};
           rtgenmsg family{.rtgen_family = AF_UNSPEC};
         } request;
         must(send(fd, &request, request.head.nlmsg_len, 0) > 0, "send");
       }},
      {"namespace-fd",  // of a network namespace in which nobody lives
       [] {
         std::array<int, 2> ready{};
         must(pipe(ready.data()) == 0, "pipe");
         const pid_t child = fork();
         if (child == 0) {
           if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "x", 1) != 1) _exit(1);
           wait_forever();
         }
         char byte = 0;
         must(read(ready[0], &byte, 1) == 1, "unshare");
         must_fd(open(fmt::format("/proc/{}/ns/net", child).c_str(), O_RDONLY), "ns/net");
         kill(child, SIGKILL);
         waitpid(child, nullptr, 0);
         close(ready[0]);
         close(ready[1]);
       }},
      {"own-namespace-fd", [] { must_fd(open("/proc/self/ns/net", O_RDONLY), "ns/net"); }},
      {"thread-file",
       [] {
         std::thread([] {
           must_fd(open(fmt::format("/proc/self/task/{}/stat", gettid()).c_str(), O_RDONLY), "task/TID/stat");
           wait_forever();
         }).detach();
         soon();
       }},
      {"own-thread-file",
       [] {
         must_fd(open(fmt::format("/proc/self/task/{}/stat", getpid()).c_str(), O_RDONLY), "task/PID/stat");
       }},
      {"udp-corked",
       [] {
         const int fd = must_fd(socket(AF_INET, SOCK_DGRAM, 0), "socket");
         connect_to(fd, loopback(9104));
         const int on = 1;
         must(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof on) == 0, "UDP_CORK");
       }},
      {"unix-in-flight", [] { unaccepted_client(); }},
      {"unix-in-flight-data", [] { must(write(unaccepted_client(), "abc", 3) == 3, "write"); }},
      {"unix-in-flight-closed", [] { close(unaccepted_client()); }},
      {"unix-in-flight-outside",
       [] {
         connect_to(must_fd(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), unix_name("/run/lab/busy.sock"));
       }},
      {"unix-elsewhere",
       [] {
         connect_to(must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket"), unix_name("/run/lab/elsewhere.sock"));
       }},
      {"unix-unreachable",  // the peer without a name has turned to another
       [] {
         std::array<int, 2> ends{};
         must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends.data()) == 0, "socketpair");
         const int other = must_fd(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
         unlink("/tmp/lab-third.sock");
         bind_to(other, unix_name("/tmp/lab-third.sock"));
         connect_to(ends[1], unix_name("/tmp/lab-third.sock"));
       }},
      {"tcp-reset",
       [] {
         const int listener = tcp_listener(9105);
         connect_to(must_fd(socket(AF_INET, SOCK_STREAM, 0), "socket"), loopback(9105));
         const int accepted = must_fd(accept(listener, nullptr, nullptr), "accept");
         const linger at_once{1, 0};
         must(setsockopt(accepted, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0, "SO_LINGER");
         close(accepted);
         soon();
       }},
      {"orphan", [] { leave_an_orphan(); }},
      {"orphan-of-subreaper",
       [] {
         if (fork() == 0) {
           prctl(PR_SET_CHILD_SUBREAPER, 1);
           leave_an_orphan();
           wait_forever();
         }
         soon();
       }},
      {"chroot",
       [] {
         must(chdir("/usr") == 0 && chroot("/usr") == 0, "chroot");
         must_fd(open("/bin", O_RDONLY | O_DIRECTORY), "/bin");
       }},
      {"chroot-child",
       [] {
         if (fork() == 0) {
           if (chroot("/usr") != 0 || chdir("/") != 0 || open("/bin", O_RDONLY | O_DIRECTORY) < 0) _exit(1);
           wait_forever();
         }
         soon();
       }},
      {"map-files",
       [] {
         const auto begin = reinterpret_cast<std::uintptr_t>(
             mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
         must(begin != reinterpret_cast<std::uintptr_t>(MAP_FAILED), "mmap");
         must_fd(open(fmt::format("/proc/self/map_files/{:x}-{:x}", begin, begin + 8192).c_str(), O_RDWR),
                 "map_files");
       }},
      {"buried-file",
       [] {
         mkdir("/tmp/lab-buried", 0755);
         new_file("/tmp/lab-buried/file", 10);
         must(mount("lab", "/tmp/lab-buried", "tmpfs", 0, nullptr) == 0, "mount");
       }},
      {"remap-leftover",  // of a dump of this very tree that was never restored, or of another, larger one
       [] {
         renamed_away_in("/tmp/lab-remap");
         for (int number = 1; number <= 120; ++number)
           close(new_file(fmt::format("/tmp/lab-remap/link_remap.{}", number).c_str(), 1));
       }},
      {"remap-leftover-far",
       [] {
         renamed_away_in("/tmp/lab-remap");
         close(new_file("/tmp/lab-remap/link_remap.70000", 1));
       }},
      {"veth",  // its other end is outside
       [] {
         must(ran_ip({"link", "add", "lab0", "type", "veth", "peer", "name", "labouter", "netns", "1"}),
              "ip");
       }},
      {"macvlan", [] { make_macvlan({}); }},
      {"macvlan-own-number",
       [] {
         make_macvlan({"index", "4242"});
       }},
      {"other-user",
       [] { must(setgroups(0, nullptr) == 0 && setgid(1000) == 0 && setuid(1000) == 0, "setuid"); }},
      {"unix-sender-queued", [] { queue_with(SOCK_STREAM, SO_PASSCRED); }},
      {"unix-times-queued", [] { queue_with(SOCK_DGRAM, SO_TIMESTAMP); }},
      {"unix-times-in-stream", [] { queue_with(SOCK_STREAM, SO_TIMESTAMP); }},
      {"unix-newer-times-queued", [] { queue_with(SOCK_DGRAM, 63 /* SO_TIMESTAMP_NEW */); }},
      {"unix-pidfd-queued", [] { queue_with(SOCK_STREAM, 76 /* SO_PASSPIDFD */); }},
      {"huge-memfd",  // and no huge page is free
       [] { must_fd(memfd_create("lab-huge", MFD_HUGETLB), "memfd_create"); }},
      {"tun-file", [] { must_fd(open("/dev/net/tun", O_RDWR), "/dev/net/tun"); }},
      {"proc-of-outside", [] { must_fd(open("/proc/self/status", O_RDONLY), "/proc/self/status"); }},
      {"proc-of-the-dead",
       [] {
         const pid_t child = fork();
         if (child == 0) wait_forever();
         must_fd(open(fmt::format("/proc/{}/fd", child).c_str(), O_RDONLY | O_DIRECTORY), "/proc/PID/fd");
         kill(child, SIGKILL);
         waitpid(child, nullptr, 0);
       }},
      {"write-lease",
       [] { must(fcntl(new_file("/tmp/lab-leased", 100), F_SETLEASE, F_WRLCK) == 0, "F_SETLEASE"); }},
      {"hung-up-terminal",
       [] {
         int master = -1;
         int slave = -1;
         must(openpty(&master, &slave, nullptr, nullptr, nullptr) == 0, "openpty");
         close(master);
       }},
      {"escaped-from-terminal",  // who was started from it has left the tree, and holds it
       [] {
         int master = -1;
         int slave = -1;
         must(openpty(&master, &slave, nullptr, nullptr, nullptr) == 0, "openpty");
         if (fork() == 0) {
           if (fork() == 0) {
             setsid();
             close(master);
             wait_forever();
           }
           _exit(0);
         }
         wait(nullptr);
         close(slave);
         soon();
       }},
      {"escaped-from-group",  // its dead leader has not been taken note of
       [] {
         const pid_t leader = fork();
         if (leader == 0) {
           setpgid(0, 0);
           if (fork() == 0) wait_forever();
           _exit(0);
         }
         soon();
       }},
      {"child-container", [] { child_in(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS); }},
      {"child-time-namespace-later", [] { must(unshare(0x80 /* CLONE_NEWTIME */) == 0, "unshare"); }},
  };
}

}  // namespace cg::lab
