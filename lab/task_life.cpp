// What processes, their threads, their memory and their mounts can be like, drawn by lot.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
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
constexpr std::size_t page = 4096;

void soon() {
  std::this_thread::sleep_for(milliseconds(60));
}
void* mapped(std::size_t size, int protection, int flags, int fd = -1) {
  void* place = mmap(nullptr, size, protection, flags, fd, 0);
  must(place != MAP_FAILED, "mmap");
  return place;
}
void take_a_filter() {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{1, &allow};
  must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "seccomp");
}

void threads(Dice& dice) {
  for (auto count = 1 + dice.below(3); count > 0; --count) {
    const auto what = dice.below(13);
    const auto lot = dice.below(100);
    std::thread([what, lot] {
      switch (what) {
        case 0:
          syscall(SYS_setresuid, 1000, 1000, 1000);
          break;
        case 1:
          syscall(SYS_setresgid, 1000, 1000, 1000);
          break;
        case 2:
          take_a_filter();
          break;
        case 3: {
          cpu_set_t set;
          CPU_ZERO(&set);
          CPU_SET(0, &set);
          sched_setaffinity(0, sizeof set, &set);
          break;
        }
        case 4: {
          const sched_param parameter{5};
          sched_setscheduler(0, lot % 2 ? SCHED_FIFO : SCHED_RR, &parameter);
          break;
        }
        case 5:
          setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 7);
          prctl(PR_SET_NAME, "other name", 0, 0, 0);
          break;
        case 6: {
          sigset_t set;
          sigfillset(&set);
          pthread_sigmask(SIG_BLOCK, &set, nullptr);
          syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2);
          break;
        }
        case 7:
          unshare(CLONE_FS);
          if (lot % 2) (void)!chdir("/usr");
          break;
        case 8:
          unshare(CLONE_FILES);
          if (lot % 2) (void)!open("/dev/null", O_RDONLY);
          break;
        case 9:
          unshare(lot % 3 == 0 ? CLONE_NEWUTS : lot % 3 == 1 ? CLONE_NEWNET : CLONE_NEWIPC);
          break;
        case 10:
          prctl(PR_SET_SECUREBITS, 1 << 4 /* KEEP_CAPS */, 0, 0, 0);
          prctl(PR_SET_PDEATHSIG, SIGURG, 0, 0,
                0);  // one that does no harm: after the restore criu is its parent
          break;
        case 11:
          prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
          break;
        default:
          if (fork() == 0) wait_forever();  // a child of this thread
      }
      wait_forever();
    }).detach();
  }
  soon();
}

void manners(Dice& dice) {
  switch (dice.below(20)) {
    case 0:
      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
      break;
    case 1:
      prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
      break;
    case 2:
      prctl(PR_SET_PDEATHSIG, SIGURG, 0, 0, 0);
      break;
    case 3:
      prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
      break;
    case 4:
      prctl(PR_SET_TIMERSLACK, 123456, 0, 0, 0);
      break;
    case 5:
      prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0);
      break;
    case 6: {
      const itimerval when{{3000, 0}, {3000, 0}};
      must(setitimer(dice.one_in(2) ? ITIMER_REAL : ITIMER_PROF, &when, nullptr) == 0, "setitimer");
      break;
    }
    case 7: {
      sigevent event{};
      event.sigev_notify = SIGEV_SIGNAL;
      event.sigev_signo = SIGRTMIN + 1;
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGRTMIN + 1);
      sigprocmask(SIG_BLOCK, &set, nullptr);
      timer_t timer{};
      must(timer_create(dice.one_in(2) ? CLOCK_REALTIME : CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0,
           "timer");
      const itimerspec when{{0, 0}, {0, 1000000}};
      must(timer_settime(timer, 0, &when, nullptr) == 0, "timer_settime");
      break;
    }
    case 8:
      personality(ADDR_NO_RANDOMIZE);
      break;
    case 9:
      setpriority(PRIO_PROCESS, 0, 5);
      break;
    case 10: {
      const sched_param parameter{0};
      must(sched_setscheduler(0, dice.one_in(2) ? SCHED_BATCH : SCHED_IDLE, &parameter) == 0, "scheduler");
      break;
    }
    case 11: {
      const int fd = must_fd(open("/proc/self/oom_score_adj", O_WRONLY), "oom_score_adj");
      must(write(fd, "500", 3) == 3, "write");
      close(fd);
      break;
    }
    case 12: {
      stack_t stack{mapped(16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS), 0, 16384};
      must(sigaltstack(&stack, nullptr) == 0, "sigaltstack");
      break;
    }
    case 13: {
      const rlimit limit{0, 0};
      must(setrlimit(dice.one_in(2) ? RLIMIT_CORE : RLIMIT_MEMLOCK, &limit) == 0, "setrlimit");
      break;
    }
    case 14: {
      const rlimit limit{64, 64};
      must(setrlimit(dice.one_in(2) ? RLIMIT_NOFILE : RLIMIT_NPROC, &limit) == 0, "setrlimit");
      break;
    }
    case 15:
      syscall(SYS_ioprio_set, 1, 0, (2 << 13) | 7);
      break;
    case 16: {
      sigset_t set;
      sigemptyset(&set);
      for (const int number : {SIGUSR2, SIGRTMIN + 3}) sigaddset(&set, number);
      sigprocmask(SIG_BLOCK, &set, nullptr);
      for (int count = 0; count < 3; ++count) {
        sigval value{};
        value.sival_int = count;
        sigqueue(getpid(), SIGRTMIN + 3, value);
      }
      kill(getpid(), SIGUSR2);
      break;
    }
    case 17:
      signal(SIGCHLD, SIG_IGN);
      break;
    case 18:
      must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "subreaper");
      break;
    default:
      take_a_filter();
      if (dice.one_in(2)) take_a_filter();
  }
}

void kin(Dice& dice) {
  const auto what = dice.below(14);
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child != 0) {
    if (what == 0) kill(child, SIGSTOP);
    soon();
    return;
  }
  switch (what) {
    case 0:
      break;
    case 1:  // strict seccomp
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
      for (;;) {
        char byte = 0;
        std::array<int, 2> ends{};
        (void)ends;
        if (read(0, &byte, 0) < 0) _exit(0);
      }
    case 2:
      if (setresuid(1000, 1000, 1000) != 0) _exit(1);
      break;
    case 3:  // a dead leader of a group
      setpgid(0, 0);
      if (fork() == 0) wait_forever();
      _exit(0);
    case 4:  // a dead leader of a session, not taken note of by its parent
      setsid();
      if (fork() == 0) wait_forever();
      _exit(0);
    case 5:  // its own session, and a child in another group
      setsid();
      if (fork() == 0) {
        setpgid(0, 0);
        wait_forever();
      }
      break;
    case 6:  // shares its open files
      syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
      break;
    case 7:  // a zombie of its own
      if (fork() == 0) _exit(7);
      break;
    case 8:  // killed, not taken note of
      if (fork() == 0) {
        kill(getpid(), SIGKILL);
        wait_forever();
      }
      break;
    case 9:  // the main thread has ended
      std::thread([] { wait_forever(); }).detach();
      syscall(SYS_exit, 0);
      break;
    case 10:
      must(chdir("/usr") == 0, "chdir");
      break;
    case 11: {  // a program of its own that is deleted
      const std::string name = "/tmp/lab-program-" + std::to_string(getpid());
      const int from = open("/proc/self/exe", O_RDONLY);
      const int to = open(name.c_str(), O_WRONLY | O_CREAT, 0755);
      std::array<char, 65536> bytes{};
      ssize_t got = 0;
      while ((got = read(from, bytes.data(), bytes.size())) > 0)
        if (write(to, bytes.data(), static_cast<std::size_t>(got)) != got) _exit(1);
      close(from);
      close(to);
      const int program = open(name.c_str(), O_RDONLY | O_CLOEXEC);
      unlink(name.c_str());
      std::array<char*, 4> argv{const_cast<char*>("lab"), const_cast<char*>("busy"),
                                const_cast<char*>("100000"), nullptr};
      fexecve(program, argv.data(), environ);
      _exit(1);
    }
    case 12:  // an IO context, semaphore undo and the like are shared
      syscall(SYS_clone, CLONE_SYSVSEM | CLONE_IO | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
      break;
    default:  // a sibling: the parent's child
      syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  }
  wait_forever();
}

void mappings(Dice& dice) {
  constexpr int both = PROT_READ | PROT_WRITE;
  const std::string name = "/tmp/lab-map-" + std::to_string(dice.below(1U << 30));
  switch (dice.below(20)) {
    case 0:
      mapped(40 * page, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN);
      break;
    case 1:
      mapped(10 * page, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED);
      break;
    case 2:
      must(mlockall(MCL_CURRENT | MCL_FUTURE) == 0, "mlockall");
      break;
    case 3:
      mapped(1UL << 36, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
      break;
    case 4: {
      void* place = mapped(10 * page, both, MAP_PRIVATE | MAP_ANONYMOUS);
      std::memset(place, 1, 10 * page);
      constexpr std::array advices{MADV_DONTDUMP, MADV_MERGEABLE, MADV_HUGEPAGE,
                                   MADV_FREE,     20 /* COLD */,  MADV_DONTNEED};
      (void)madvise(place, 10 * page, advices.at(dice.below(advices.size())));
      break;
    }
    case 5: {  // more than the file has
      const int fd = new_file(name.c_str(), page);
      mapped(4 * page, both, dice.one_in(2) ? MAP_SHARED : MAP_PRIVATE, fd);
      break;
    }
    case 6: {  // cut after it was mapped
      const int fd = new_file(name.c_str(), 4 * page);
      std::memset(mapped(4 * page, both, MAP_PRIVATE, fd), 2, 4 * page);
      must(ftruncate(fd, 100) == 0, "ftruncate");
      close(fd);
      break;
    }
    case 7: {  // replaced, as by an update of a library
      const int fd = new_file(name.c_str(), 3 * page);
      mapped(3 * page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
      close(fd);
      unlink(name.c_str());
      if (dice.one_in(2)) close(new_file(name.c_str(), 3 * page));
      break;
    }
    case 8:
      mapped(8 * page, both, dice.one_in(2) ? MAP_SHARED : MAP_PRIVATE,
             must_fd(open("/dev/zero", O_RDWR), "zero"));
      break;
    case 9: {
      void* huge = mmap(nullptr, 2 << 20, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
      if (huge != MAP_FAILED && dice.one_in(2)) munmap(huge, 2 << 20);
      break;
    }
    case 10: {  // shared with a child, in parts
      auto* place = static_cast<char*>(mapped(10 * page, both, MAP_SHARED | MAP_ANONYMOUS));
      std::memset(place, 3, 10 * page);
      if (fork() == 0) {
        munmap(place, 2 * page);
        mprotect(place + 4 * page, page, PROT_READ);
        wait_forever();
      }
      break;
    }
    case 11: {
      aio_context_t context = 0;
      must(syscall(SYS_io_setup, 16, &context) == 0, "io_setup");
      break;
    }
    case 12: {
      void* place = mapped(4 * page, both, MAP_PRIVATE | MAP_ANONYMOUS);
      (void)prctl(0x53564d41 /* PR_SET_VMA */, 0, place, 4 * page, "lab name");
      break;
    }
    case 13: {
      void* place = mapped(4 * page, both, MAP_PRIVATE | MAP_ANONYMOUS);
      (void)syscall(462 /* mseal */, place, 4 * page, 0);
      break;
    }
    case 14: {
      void* place = mapped(8 * page, both, MAP_PRIVATE | MAP_ANONYMOUS);
      std::memset(place, 4, 8 * page);
      must(mremap(place, 8 * page, 20 * page, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
      break;
    }
    case 15: {
      (void)mmap(nullptr, 4 * page, both, 0x08 /* MAP_DROPPABLE */ | MAP_ANONYMOUS, -1, 0);
      break;
    }
    case 16: {
      const long key = syscall(SYS_pkey_alloc, 0, 0);
      void* place = mapped(4 * page, both, MAP_PRIVATE | MAP_ANONYMOUS);
      if (key > 0) (void)syscall(SYS_pkey_mprotect, place, 4 * page, both, key);
      break;
    }
    case 17:  // for others to look at
      mapped(16 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
      mapped(16 * page, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS);
      break;
    case 18: {
      const int fd = new_file(name.c_str(), 6 * page);
      auto* place = static_cast<char*>(mapped(6 * page, PROT_READ, MAP_SHARED, fd));
      close(fd);
      mprotect(place + page, page, both);
      munmap(place + 3 * page, page);
      break;
    }
    default:  // of the kernel's files
      mapped(page, PROT_READ, MAP_SHARED, new_file(name.c_str(), 0));
  }
}

void system_v(Dice& dice) {
  switch (dice.below(3)) {
    case 0: {
      const int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
      must(id >= 0, "msgget");
      struct {
        long kind = 1;
        std::array<char, 4> text{'a', 'b', 'c', 'd'};
      } message;
      must(msgsnd(id, &message, 4, 0) == 0, "msgsnd");
      break;
    }
    case 1: {
      const int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
      must(id >= 0, "semget");
      sembuf up{0, 1, static_cast<short>(dice.one_in(2) ? SEM_UNDO : 0)};
      must(semop(id, &up, 1) == 0, "semop");
      break;
    }
    default: {
      const int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
      must(id >= 0, "shmget");
      if (dice.one_in(2)) break;
      must(shmat(id, nullptr, 0) != reinterpret_cast<void*>(-1), "shmat");
      shmctl(id, IPC_RMID, nullptr);
    }
  }
}

// In a mount namespace of its own, which a child takes where the task has none.
void mounts(Dice& dice) {
  const std::string name = "/tmp/lab-mount-" + std::to_string(dice.below(1U << 30));
  must(mkdir(name.c_str(), 0755) == 0, "mkdir");
  const char* const place = name.c_str();
  const auto add = [&](const char* source, const char* type, unsigned long flags, const char* data) {
    must(mount(source, place, type, flags, data) == 0, type ? type : "mount");
  };
  switch (dice.below(15)) {
    case 0:
      add("lab", "tmpfs", 0, "size=1m");
      close(new_file((name + "/f").c_str(), 100));
      break;
    case 1:
      add("/tmp", nullptr, MS_BIND, nullptr);
      break;
    case 2:
      add("/bin", nullptr, MS_BIND | MS_REC, nullptr);
      must(mount(nullptr, place, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0, "remount");
      break;
    case 3:
      add("proc", "proc", 0, nullptr);
      break;
    case 4:
      add("sysfs", "sysfs", 0, nullptr);
      break;
    case 5:
      add("devpts", "devpts", 0, "newinstance,ptmxmode=0666");
      if (dice.one_in(2)) must_fd(open((name + "/ptmx").c_str(), O_RDWR | O_NOCTTY), "ptmx");
      break;
    case 6:
      add("mqueue", "mqueue", 0, nullptr);
      break;
    case 7:
      add("cgroup2", "cgroup2", 0, nullptr);
      break;
    case 8:
      add("lab", "tmpfs", 0, nullptr);
      add("lab", "tmpfs", 0, nullptr);
      break;
    case 9:
      add("lab", "tmpfs", 0, nullptr);
      must(mount(nullptr, place, nullptr, dice.one_in(2) ? MS_SHARED : MS_UNBINDABLE, nullptr) == 0,
           "shared");
      break;
    case 10: {
      const std::string file = name + "-file";
      close(new_file(file.c_str(), 5));
      close(new_file((file + "-place").c_str(), 0));
      must(mount(file.c_str(), (file + "-place").c_str(), nullptr, MS_BIND, nullptr) == 0, "bind");
      if (dice.one_in(2)) unlink(file.c_str());
      must_fd(open((file + "-place").c_str(), O_RDONLY), "open");
      break;
    }
    case 11:
      add("devtmpfs", "devtmpfs", 0, nullptr);
      break;
    case 12:
      add("ramfs", "ramfs", 0, nullptr);
      break;
    case 13:
      add("securityfs", "securityfs", 0, nullptr);
      break;
    default:
      add("hugetlbfs", "hugetlbfs", 0, nullptr);
  }
  if (dice.one_in(3)) (void)!chdir(place);
  if (dice.one_in(4)) (void)!open(place, O_RDONLY | O_DIRECTORY);
}

}  // namespace

std::vector<Chance> chances_of_life() {
  return {{"threads-of-kinds", threads}, {"manners", manners},   {"kin", kin},
          {"mappings", mappings},        {"system-v", system_v}, {"mounts", mounts}};
}

}  // namespace cg::lab
