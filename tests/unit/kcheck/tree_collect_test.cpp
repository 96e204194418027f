// What is collected of real processes: of this one, of its children, of those that end meanwhile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include "base/file.h"
#include "tasks/checks/checks.h"
#include "tasks/collect/collect.h"
#include "temporary_directory.h"
#include "tree/tree_command.h"

namespace cg::tree {
namespace {

const Version v4_1_1{{4, 1, 1}};

TEST(TreeCollect, SeesThisProcessAndItsChild) {
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  const auto tree = collect(getpid());
  kill(child, SIGKILL);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->root().pid, getpid());
  EXPECT_NE(tree->find(child), nullptr);
  EXPECT_GE(tree->root().files.size(), 3U);
  EXPECT_FALSE(tree->mounts.empty());
  EXPECT_TRUE(std::ranges::any_of(check_all({*tree, v4_1_1, {}}),
                                  [](const TreeFinding& one) { return one.id == "tree.self-inside"; }));
}

// A loop of a shell has another child each moment: one that came after the tree was looked at is no stranger
// in its session, and one that was left to somebody else is.
TEST(TreeCollect, AChildBornMeanwhileHoldsNothingFromOutside) {
  for (const bool left : {false, true}) {
    std::array<int, 2> ready{};
    ASSERT_EQ(pipe(ready.data()), 0);
    const pid_t leader = fork();
    if (leader == 0) {
      setsid();
      const pid_t between = left ? fork() : 0;
      if (between == 0) {
        const pid_t child = fork();
        if (child == 0)
          for (;;) pause();
        if (write(ready[1], &child, sizeof child) != sizeof child) _exit(1);
        if (left) _exit(0);
      }
      for (;;) pause();
    }
    pid_t child = -1;
    EXPECT_EQ(read(ready[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    // Its parent is gone before anybody looks.
    for (int tenth = 0; left && tenth < 50; ++tenth) {
      const std::string stat = read_file("/proc/" + std::to_string(child) + "/stat").value_or("");
      const std::string line = stat.substr(stat.rfind(") ") + 4);
      if (kill(std::atoi(line.c_str()), 0) == 0 && std::atoi(line.c_str()) != leader &&
          std::atoi(line.c_str()) < leader)
        break;
      usleep(100'000);
    }
    Snapshot tree;
    tree.tasks.emplace_back().pid = leader;
    collect_outside(tree, "/proc");
    for (const pid_t pid : {child, leader}) kill(pid, SIGKILL);
    waitpid(leader, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    EXPECT_EQ(tree.numbers_outside.contains(leader), left);
  }
}

// Locks come from /proc/locks where it is complete, and a name that two tasks have open is looked up once:
// neither may be told of the wrong file.
TEST(TreeCollect, WhichFileIsLockedAndWhatANameLeadsTo) {
  const TemporaryDirectory directory;
  const auto path = [&](const char* name) { return (directory.path() / name).string(); };
  for (const char* name : {"locked", "free", "replaced", "newer"})
    ASSERT_TRUE(write_file_atomically(directory.path() / name, name));
  const auto begin = [&](bool older) {
    std::array<int, 2> ready{};
    EXPECT_EQ(pipe(ready.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
      const int locked = open(path("locked").c_str(), O_RDONLY);
      open(path("free").c_str(), O_RDONLY);
      open(path("replaced").c_str(), O_RDONLY);
      const bool set_up = !older || flock(locked, LOCK_EX) == 0;
      if (write(ready[1], set_up ? "y" : "n", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char answer = 0;
    EXPECT_EQ(read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    close(ready[0]);
    close(ready[1]);
    return child;
  };
  const pid_t older = begin(true);
  std::filesystem::rename(path("newer"), path("replaced"));
  const pid_t newer = begin(false);
  const auto tree = collect(getpid());
  for (const pid_t child : {older, newer}) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  ASSERT_TRUE(tree) << tree.error().message;
  const auto file = [&](pid_t pid, const char* name) -> const OpenFile& {
    static const OpenFile none;
    for (const auto& candidate : tree->find(pid)->files)
      if (candidate.link.starts_with(path(name))) return candidate;
    ADD_FAILURE() << name << " is not among the files of " << pid;
    return none;
  };
  ASSERT_NE(tree->find(older), nullptr);
  ASSERT_NE(tree->find(newer), nullptr);
  EXPECT_TRUE(file(older, "locked").info && file(older, "locked").info->locks.size() == 1);
  EXPECT_FALSE(file(older, "free").info && !file(older, "free").info->locks.empty());
  EXPECT_EQ(file(older, "free").name, NameLeadsTo::the_file);
  EXPECT_EQ(file(newer, "free").name, NameLeadsTo::the_file);
  EXPECT_EQ(file(older, "locked").name, NameLeadsTo::the_file);
  EXPECT_NE(file(older, "replaced").name, NameLeadsTo::the_file);
  EXPECT_EQ(file(newer, "replaced").name, NameLeadsTo::the_file);
}

// CRIU's links beside a name that is gone: the smallest number counts.
TEST(TreeCollect, LinksThatAnEarlierDumpLeft) {
  const TemporaryDirectory directory;
  for (const char* name : {"name", "link_remap.12", "link_remap.7", "link_remap.x"})
    ASSERT_TRUE(write_file_atomically(directory.path() / name, name));
  const UniqueFd held(open((directory.path() / "name").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::rename(directory.path() / "name", directory.path() / "other");
  std::filesystem::create_hard_link(directory.path() / "other", directory.path() / "name");
  const UniqueFd lost(open((directory.path() / "name").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::remove(directory.path() / "name");
  const auto tree = collect(getpid());
  ASSERT_TRUE(tree) << tree.error().message;
  int seen = 0;
  for (const auto& file : tree->root().files)
    if (file.fd == lost.get() && file.name == NameLeadsTo::nothing) seen = file.remap_beside;
  EXPECT_EQ(seen, 7);
}

// From now on, in this process, the system call answers ENOSYS.
bool take_away(std::uint32_t number) {
  std::array<sock_filter, 4> program{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                                      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  const sock_fprog filter{program.size(), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

// With pidfd_getfd(2) and where there is none.
TEST(TreeCollect, PipesHaveTheFlagsThatTheirTaskSees) {
  std::array<int, 2> plain{};
  std::array<int, 2> packets{};
  ASSERT_EQ(pipe(plain.data()), 0);
  ASSERT_EQ(pipe2(packets.data(), O_DIRECT | O_NONBLOCK), 0);
  const pid_t holder = fork();
  if (holder == 0)
    for (;;) pause();
  const auto wrong = [&] {
    const auto tree = collect(holder);
    if (!tree) return 100;
    int seen = 0;
    for (const auto& file : tree->root().files)
      for (const int end : {plain[0], plain[1], packets[0], packets[1]}) {
        if (file.fd != end) continue;
        constexpr unsigned compared = O_ACCMODE | O_DIRECT | O_NONBLOCK;
        const auto expected = static_cast<unsigned>(fcntl(end, F_GETFL)) & compared;
        if (!file.info || (file.info->flags & compared) != expected) return 10 + end;
        ++seen;
      }
    return seen == 4 ? 0 : 101;
  };
  EXPECT_EQ(wrong(), 0);
  const pid_t without = fork();
  if (without == 0) _exit(take_away(SYS_pidfd_getfd) ? wrong() : 99);
  int status = 0;
  waitpid(without, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  for (const int end : {plain[0], plain[1], packets[0], packets[1]}) close(end);
}

TEST(TreeCollect, WhoSharesWhat) {
  const auto sharers = [](int flags) {
    alignas(16) static std::array<char, 65536> stack;
    const pid_t child = clone(
        [](void*) -> int {
          for (;;) pause();
        },
        stack.data() + stack.size(), flags | SIGCHLD, nullptr);
    EXPECT_GT(child, 0);
    const auto tree = collect(getpid());
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::vector<std::string> names;
    if (tree)
      for (const auto& part : tree->shared)
        if (part.first == getpid() && part.second == child) names.push_back(part.what);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(sharers(0), Names{});
  EXPECT_EQ(sharers(CLONE_FS), Names{"FS"});
  EXPECT_EQ(sharers(CLONE_VM), Names{"VM"});
  EXPECT_EQ(sharers(CLONE_VM | CLONE_FS | CLONE_SIGHAND), (Names{"VM", "FS", "IO"}));
}

TEST(TreeCollect, ATaskThatIsNotThere) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  const auto tree = collect(child);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, ErrorKind::cannot);
}

TEST(TreeCollect, WithoutTheRightToLook) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to have something that another user may not see";
  const pid_t sleeper = fork();
  if (sleeper == 0) {
    setsid();
    for (;;) pause();
  }
  while (getsid(sleeper) != sleeper) sched_yield();
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(99);
    const auto report =
        check_tree({}, {.pid = sleeper, .spec = {}}, v4_1_1, real_tree_system(builtin_matrix().value()));
    if (!report) _exit(98);
    const auto& findings = report->subjects.front().findings;
    const bool named = std::ranges::any_of(findings, [](const Finding& finding) {
      return finding.id == "tree.unseen" && finding.fix.contains("CAP_SYS_PTRACE");
    });
    _exit(named ? exit_status(*report, Strictness::normal) : 97);
  }
  int status = 0;
  waitpid(child, &status, 0);
  kill(sleeper, SIGKILL);
  waitpid(sleeper, nullptr, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

// Tasks come and go while the tree is read: it must neither fail nor hang, and what it returns is whole.
TEST(TreeCollect, TasksThatEndMeanwhile) {
  const pid_t root = fork();
  if (root == 0) {
    for (;;) {
      if (fork() == 0) {
        if (fork() == 0) _exit(0);
        _exit(0);
      }
      while (waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    }
  }
  for (int round = 0; round < 100; ++round) {
    const auto tree = collect(root);
    ASSERT_TRUE(tree) << tree.error().message;
    for (const auto& task : tree->tasks) EXPECT_NE(task.status.state, '?');
  }
  kill(root, SIGKILL);
  waitpid(root, nullptr, 0);
}

}  // namespace
}  // namespace cg::tree
