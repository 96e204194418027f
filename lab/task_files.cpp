// Files, pipes, locks and what is anonymous in the states that programs leave them in, drawn by lot.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/memfd.h>
#include <pty.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "task_parts.h"
#include "task_random.h"

namespace cg::lab {
namespace {

using std::chrono::milliseconds;

std::string some_name(Dice& dice) {
  return "/tmp/lab-file-" + std::to_string(dice.below(1U << 30));
}
std::string by_descriptor(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}
pid_t waiting_child() {
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) wait_forever();
  return child;
}

void names(Dice& dice) {
  const std::string name = some_name(dice);
  switch (dice.below(13)) {
    case 0: {  // it never had one
      const int fd = must_fd(open("/tmp", O_TMPFILE | O_RDWR, 0600), "O_TMPFILE");
      must(write(fd, "abc", 3) == 3, "write");
      if (dice.one_in(3))
        must(linkat(AT_FDCWD, by_descriptor(fd).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0,
             "linkat");
      break;
    }
    case 1:  // only as a place
      close(new_file(name.c_str(), 10));
      must_fd(open(name.c_str(), O_PATH), "O_PATH");
      if (dice.one_in(3)) unlink(name.c_str());
      break;
    case 2:
      must_fd(open("/tmp", O_PATH | O_DIRECTORY), "O_PATH");
      break;
    case 3:
      must(symlink("/etc", name.c_str()) == 0, "symlink");
      must_fd(open(name.c_str(), O_PATH | O_NOFOLLOW), "O_PATH");
      break;
    case 4:  // a directory without a name
      must(mkdir(name.c_str(), 0755) == 0, "mkdir");
      must_fd(open(name.c_str(), O_RDONLY | O_DIRECTORY), "open");
      must(rmdir(name.c_str()) == 0, "rmdir");
      break;
    case 5: {  // a file in a directory without a name
      must(mkdir(name.c_str(), 0755) == 0, "mkdir");
      new_file((name + "/f").c_str(), 10);
      unlink((name + "/f").c_str());
      must(rmdir(name.c_str()) == 0, "rmdir");
      break;
    }
    case 6:  // it has another name now
      new_file(name.c_str(), 10);
      must(rename(name.c_str(), (name + "-new").c_str()) == 0, "rename");
      break;
    case 7:  // its name belongs to another now, as after an update
      new_file(name.c_str(), 10);
      close(new_file((name + "-new").c_str(), 20));
      must(rename((name + "-new").c_str(), name.c_str()) == 0, "rename");
      break;
    case 8:  // opened twice, and deleted
      new_file(name.c_str(), 10);
      must_fd(open(name.c_str(), O_RDONLY), "open");
      unlink(name.c_str());
      break;
    case 9: {  // the name is gone, and is in use again, with another link of the old one left
      new_file(name.c_str(), 10);
      must(link(name.c_str(), (name + "-link").c_str()) == 0, "link");
      unlink(name.c_str());
      if (dice.one_in(2)) close(new_file(name.c_str(), 5));
      break;
    }
    case 10: {  // a deleted file, opened again through /proc
      const int fd = new_file(name.c_str(), 10);
      unlink(name.c_str());
      must_fd(open(by_descriptor(fd).c_str(), O_RDONLY), "open");
      break;
    }
    case 11: {  // a deleted fifo
      must(mkfifo(name.c_str(), 0600) == 0, "mkfifo");
      must_fd(open(name.c_str(), (dice.one_in(2) ? O_RDWR : O_RDONLY) | O_NONBLOCK), "open");
      unlink(name.c_str());
      break;
    }
    default: {  // a name that ends as a deleted one is shown
      new_file((name + " (deleted)").c_str(), 10);
    }
  }
}

void locks(Dice& dice) {
  const std::string name = some_name(dice);
  const int fd = new_file(name.c_str(), 100);
  struct flock lock {};
  lock.l_type = static_cast<short>(dice.one_in(2) ? F_WRLCK : F_RDLCK);
  lock.l_start = static_cast<off_t>(dice.below(50));
  lock.l_len = static_cast<off_t>(dice.below(50));
  switch (dice.below(7)) {
    case 0:
      must(flock(fd, dice.one_in(2) ? LOCK_SH : LOCK_EX) == 0, "flock");
      break;
    case 1:
      must(fcntl(fd, F_SETLK, &lock) == 0, "F_SETLK");
      break;
    case 2:
      must(fcntl(fd, F_OFD_SETLK, &lock) == 0, "F_OFD_SETLK");
      break;
    case 3: {  // a lease wants nobody to have it open otherwise
      close(fd);
      const int reader = must_fd(open(name.c_str(), O_RDONLY), "open");
      must(fcntl(reader, F_SETLEASE, F_RDLCK) == 0, "F_SETLEASE");
      break;
    }
    case 4: {  // a write lease makes criu wait for 45 s ("write-lease"): what it can bear is a lease of a
               // file that has nothing in it
      const int empty = new_file((name + "-empty").c_str(), 0);
      must(fcntl(empty, F_SETLEASE, F_WRLCK) == 0, "F_SETLEASE");
      break;
    }
    case 5:  // shared with a child
      must(flock(fd, LOCK_EX) == 0, "flock");
      waiting_child();
      break;
    default:  // two on one file
      must(fcntl(fd, F_OFD_SETLK, &lock) == 0, "F_OFD_SETLK");
      must(flock(must_fd(open(name.c_str(), O_RDONLY), "open"), LOCK_SH) == 0, "flock");
      if (dice.one_in(2)) unlink(name.c_str());
  }
}

void pipe_states(Dice& dice) {
  std::array<int, 2> ends{};
  must(pipe(ends.data()) == 0, "pipe");
  switch (dice.below(6)) {
    case 0: {  // full
      fcntl(ends[1], F_SETFL, O_NONBLOCK);
      const std::string bytes(4096, 'f');
      while (write(ends[1], bytes.data(), bytes.size()) > 0) {
      }
      break;
    }
    case 1:  // opened again through /proc, for both
      must_fd(open(by_descriptor(ends[0]).c_str(), O_RDWR), "open");
      if (dice.one_in(2)) close(ends[1]);
      break;
    case 2:  // data that nobody can add to
      must(write(ends[1], "last", 4) == 4, "write");
      close(ends[1]);
      break;
    case 3:
      must(fcntl(ends[0], F_SETOWN, getpid()) == 0 && fcntl(ends[0], F_SETSIG, SIGRTMIN) == 0, "F_SETOWN");
      if (dice.one_in(2)) fcntl(ends[0], F_SETFL, O_ASYNC);
      break;
    case 4: {  // shared with a child that keeps one end
      if (fork() == 0) {
        close(ends[0]);
        wait_forever();
      }
      close(ends[1]);
      break;
    }
    default:
      must(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0, "F_SETPIPE_SZ");
  }
}

void memory_files(Dice& dice) {
  const int fd = must_fd(memfd_create("lab-states", MFD_ALLOW_SEALING), "memfd_create");
  must(ftruncate(fd, 40000) == 0, "ftruncate");
  switch (dice.below(8)) {
    case 0:
      must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL) == 0, "F_ADD_SEALS");
      break;
    case 1:
      must(mmap(nullptr, 40000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
      if (dice.one_in(2)) must(fcntl(fd, F_ADD_SEALS, 0x10 /* F_SEAL_FUTURE_WRITE */) == 0, "F_ADD_SEALS");
      if (dice.one_in(2)) close(fd);
      break;
    case 2:
      must_fd(open(by_descriptor(fd).c_str(), O_RDONLY), "open");
      break;
    case 3:
      must(mmap(nullptr, 40000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096) != MAP_FAILED, "mmap");
      close(fd);
      break;
    case 4: {
      const long secret = syscall(SYS_memfd_secret, 0);
      if (secret < 0) break;  // only where it was asked for on the command line
      must(ftruncate(static_cast<int>(secret), 4096) == 0, "ftruncate");
      if (dice.one_in(2))
        must(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, static_cast<int>(secret), 0) != MAP_FAILED, "mmap");
      break;
    }
    case 5: {
      const int huge = memfd_create("lab-huge", MFD_HUGETLB);
      if (huge >= 0 && dice.one_in(2)) must(ftruncate(huge, 2 << 20) == 0, "ftruncate");
      break;
    }
    case 6: {  // POSIX shared memory
      const std::string name = "/lab-shm-" + std::to_string(dice.below(1U << 30));
      const int shared = shm_open(name.c_str(), O_RDWR | O_CREAT, 0600);
      must(shared >= 0 && ftruncate(shared, 8192) == 0, "shm_open");
      must(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0) != MAP_FAILED, "mmap");
      shm_unlink(name.c_str());
      break;
    }
    default:
      must(fcntl(fd, F_SETLEASE, F_RDLCK) == 0 || errno == EAGAIN || errno == EINVAL, "F_SETLEASE");
      must(fchmod(fd, 0400) == 0, "fchmod");
  }
}

void anonymous(Dice& dice) {
  switch (dice.below(14)) {
    case 0: {  // it has run out, and nobody has read
      const int fd =
          must_fd(timerfd_create(dice.one_in(2) ? CLOCK_REALTIME : CLOCK_BOOTTIME, TFD_NONBLOCK), "timerfd");
      const itimerspec when{{0, 1000000}, {0, 1000000}};
      must(timerfd_settime(fd, 0, &when, nullptr) == 0, "timerfd_settime");
      break;
    }
    case 1: {
      const int fd = must_fd(timerfd_create(CLOCK_REALTIME, 0), "timerfd");
      const itimerspec when{{0, 0}, {4000000000, 0}};
      must(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr) == 0, "settime");
      break;
    }
    case 2: {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGUSR2);
      sigprocmask(SIG_BLOCK, &set, nullptr);
      must_fd(signalfd(-1, &set, 0), "signalfd");
      kill(getpid(), SIGUSR2);
      break;
    }
    case 3: {
      const int fd = must_fd(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK), "eventfd");
      const std::uint64_t most = 0xfffffffffffffffe;
      must(write(fd, &most, sizeof most) == sizeof most, "write");
      break;
    }
    case 4: {  // events that nobody has read
      const std::string name = some_name(dice);
      must(mkdir(name.c_str(), 0755) == 0, "mkdir");
      const int fd = must_fd(inotify_init1(IN_NONBLOCK), "inotify");
      must(inotify_add_watch(fd, name.c_str(), IN_ALL_EVENTS) >= 0, "inotify_add_watch");
      close(new_file((name + "/f").c_str(), 1));
      if (dice.one_in(2))
        must(inotify_add_watch(fd, (name + "/f").c_str(), IN_MODIFY | IN_ONESHOT) >= 0, "watch");
      break;
    }
    case 5: {  // of files in /proc, /sys and /dev
      constexpr std::array places{
          "/proc/self/status", "/sys/kernel", "/dev/null", "/dev", "/etc/passwd", "/"};
      must(inotify_add_watch(must_fd(inotify_init1(0), "inotify"), places.at(dice.below(places.size())),
                             IN_MODIFY) >= 0,
           "watch");
      break;
    }
    case 6: {
      const int fd = must_fd(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY), "fanotify_init");
      const unsigned kind = dice.one_in(3) ? FAN_MARK_MOUNT : dice.one_in(2) ? 0x100U /* FILESYSTEM */ : 0U;
      must(fanotify_mark(fd, FAN_MARK_ADD | kind, FAN_OPEN, AT_FDCWD, "/tmp") == 0, "fanotify_mark");
      if (dice.one_in(2)) close(open("/tmp", O_RDONLY));
      break;
    }
    case 7: {
      const int fd =
          must_fd(fanotify_init(FAN_CLASS_NOTIF | 0x200 /* REPORT_FID */, O_RDONLY), "fanotify_init");
      must(fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE | FAN_ONDIR, AT_FDCWD, "/tmp") == 0, "fanotify_mark");
      break;
    }
    case 8: {  // of a file that is not open any more, while its duplicate is
      const int watch = must_fd(epoll_create1(0), "epoll");
      std::array<int, 2> ends{};
      must(pipe(ends.data()) == 0, "pipe");
      epoll_event event{.events = EPOLLIN | EPOLLET | EPOLLONESHOT, .data = {.u64 = 1}};
      must(epoll_ctl(watch, EPOLL_CTL_ADD, ends[0], &event) == 0, "epoll_ctl");
      if (dice.one_in(2)) {  // somebody else has it
        waiting_child();
        close(ends[0]);
      } else {
        must(dup2(ends[1], ends[0]) >= 0, "dup2");
      }
      break;
    }
    case 9:
      must_fd(syscall(SYS_pidfd_open, dice.one_in(2) ? getpid() : waiting_child(), 0), "pidfd_open");
      break;
    case 10: {  // of one that has ended, and of which nobody has taken note
      const pid_t child = fork();
      if (child == 0) _exit(3);
      std::this_thread::sleep_for(milliseconds(30));
      must_fd(syscall(SYS_pidfd_open, child, 0), "pidfd_open");
      break;
    }
    case 11: {
      const long ring = syscall(SYS_landlock_create_ruleset, std::array<std::uint64_t, 1>{1}.data(), 8, 0);
      must(ring >= 0 || errno == ENOSYS || errno == EOPNOTSUPP, "landlock");
      break;
    }
    case 12: {
      const long context = syscall(SYS_fsopen, "tmpfs", 0);
      must(context >= 0, "fsopen");
      break;
    }
    default:
      must_fd(syscall(SYS_open_tree, AT_FDCWD, "/tmp", dice.one_in(2) ? 1 /* CLONE */ : 0), "open_tree");
  }
}

void of_the_kernel(Dice& dice) {
  constexpr std::array files{"/proc/self/maps",
                             "/proc/self/mem",
                             "/proc/self/fd",
                             "/proc/self/pagemap",
                             "/proc/self/exe",
                             "/proc/1/status",
                             "/proc",
                             "/proc/self/task",
                             "/proc/self/net/tcp",
                             "/proc/mounts",
                             "/proc/meminfo",
                             "/proc/kmsg",
                             "/proc/self/attr/current",
                             "/sys/kernel/mm",
                             "/sys/kernel/uevent_seqnum",
                             "/proc/self/cgroup",
                             "/dev",
                             "/dev/shm",
                             "/dev/ptmx",
                             "/dev/net/tun",
                             "/dev/fuse",
                             "/dev/loop-control",
                             "/dev/mem",
                             "/dev/random",
                             "/proc/self/oom_score_adj",
                             "/proc/sys/net/core/somaxconn",
                             "/proc/self/mountinfo",
                             "/proc/self/timens_offsets",
                             "/dev/console"};
  for (auto count = 1 + dice.below(3); count > 0; --count) {
    const int fd = open(files.at(dice.below(files.size())), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    std::array<char, 64> some{};
    if (fd >= 0 && dice.one_in(2)) (void)!read(fd, some.data(), some.size());
  }
  if (!dice.one_in(3)) return;
  const pid_t child = waiting_child();
  constexpr std::array of_child{"status", "fd",   "ns/net", "task",   "cwd",    "root",
                                "exe",    "maps", "comm",   "ns/pid", "ns/uts", "ns/mnt"};
  (void)!open(fmt::format("/proc/{}/{}", child, of_child.at(dice.below(of_child.size()))).c_str(), O_RDONLY);
  if (dice.one_in(2)) {
    kill(child, SIGKILL);
    if (dice.one_in(2)) waitpid(child, nullptr, 0);
  }
}

void terminals(Dice& dice) {
  int master = -1;
  int slave = -1;
  must(openpty(&master, &slave, nullptr, nullptr, nullptr) == 0, "openpty");
  switch (dice.below(6)) {
    case 0:
      close(master);  // hung up
      break;
    case 1:
      close(slave);
      break;
    case 2:
      must(write(master, "typed\n", 6) == 6 && write(slave, "shown", 5) == 5, "write");
      break;
    case 3: {  // a shell on it, as script, tmux and ssh make one
      if (fork() == 0) {
        setsid();
        ioctl(slave, 0x540e /* TIOCSCTTY */, 0);
        close(master);
        if (fork() == 0) {
          setpgid(0, 0);
          wait_forever();
        }
        wait_forever();
      }
      close(slave);
      break;
    }
    case 4: {  // its session's leader has ended
      const pid_t leader = fork();
      if (leader == 0) {
        setsid();
        ioctl(slave, 0x540e /* TIOCSCTTY */, 0);
        signal(SIGHUP, SIG_IGN);
        if (fork() == 0) wait_forever();
        _exit(0);
      }
      if (dice.one_in(2)) waitpid(leader, nullptr, 0);
      break;
    }
    default: {
      const int on = 1;
      ioctl(master, 0x5420 /* TIOCPKT */, &on);
    }
  }
  std::this_thread::sleep_for(milliseconds(60));
}

}  // namespace

std::vector<Chance> chances_of_files() {
  return {{"names", names},
          {"locks", locks},
          {"pipe-states", pipe_states},
          {"memory-files", memory_files},
          {"anonymous", anonymous},
          {"of-the-kernel", of_the_kernel},
          {"terminals", terminals}};
}

}  // namespace cg::lab
