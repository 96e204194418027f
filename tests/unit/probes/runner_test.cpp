// Probes that hang, die or are killed, and the namespaces the runner gives them.
#include "probes/runner.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace cg::probes {
namespace {

ProbeResult good() {
  return pass("good");
}
ProbeResult stuck() {
  for (;;) pause();
}
ProbeResult stuck_below() {
  if (fork() == 0)
    for (;;) pause();
  for (;;) pause();
}
ProbeResult crashes() {
  abort();
}
ProbeResult leaves() {
  _exit(0);
}
ProbeResult forbidden() {
  raise(SIGSYS);
  return pass("");
}
ProbeResult pid() {
  return pass(std::to_string(getpid()));
}
ProbeResult long_answer() {
  return fail(std::string(100000, 'x'));
}

constexpr auto short_limit = std::chrono::milliseconds(1000);

TEST(Runner, OneBadProbeDoesNotHurtTheOthers) {
  Runner runner(short_limit);
  runner.run({{"a", good},
              {"stuck", stuck},
              {"b", good},
              {"stuck-below", stuck_below},
              {"crash", crashes},
              {"leave", leaves},
              {"c", good},
              {"sys", forbidden},
              {"d", good}});
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_EQ(runner.result(name).status, Status::pass) << name;
  EXPECT_EQ(runner.result("stuck").status, Status::unknown);
  EXPECT_EQ(runner.result("stuck").detail, "no answer within 1000 ms");
  EXPECT_EQ(runner.result("stuck-below").status, Status::unknown);
  EXPECT_EQ(runner.result("crash").status, Status::unknown);
  EXPECT_EQ(runner.result("leave").status, Status::unknown);
  // CRIU would be killed by that filter as well.
  EXPECT_EQ(runner.result("sys").status, Status::fail);
}

TEST(Runner, RemembersAndSharesOneChild) {
  Runner runner;
  runner.run({{"p1", pid}, {"p2", pid}});
  const std::string first = runner.result("p1").detail;
  EXPECT_EQ(first, runner.result("p2").detail);
  EXPECT_NE(first, std::to_string(getpid()));
  runner.run({{"p1", pid}, {"p3", pid}});
  EXPECT_EQ(runner.result("p1").detail, first);
  EXPECT_NE(runner.result("p3").detail, first);
  EXPECT_EQ(runner.count(), 3U);
}

TEST(Runner, CarriesLongAnswers) {
  Runner runner;
  runner.run({{"long", long_answer}});
  EXPECT_EQ(runner.result("long").detail.size(), 100000U);
}

TEST(Runner, AnUnknownNameIsUnknown) {
  EXPECT_EQ(Runner().result("no-such-probe").status, Status::unknown);
}

TEST(Probes, HaveUniqueNames) {
  std::set<std::string> names;
  for (const auto& name : probe_names()) EXPECT_TRUE(names.insert(name).second) << name;
}

TEST(Probes, EveryOneTheMatrixNamesIsThere) {
  const Matrix matrix = builtin_matrix().value();
  for (const auto& row : matrix.rows) EXPECT_TRUE(row.probe.empty() || find_probe(row.probe)) << row.id;
}

// All of them on this machine, whatever it answers: none may be stuck or die, and none may leave anything.
TEST(Probes, AllAnswerHereAndLeaveNothing) {
  const auto count_tmp = [] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/tmp"))
      count += entry.path().filename().string().starts_with(".kcheck");
    return count;
  };
  const int before = count_tmp();
  Runner runner(std::chrono::seconds(30));
  runner.run(all_probes());
  EXPECT_EQ(runner.count(), all_probes().size());
  for (const auto& name : probe_names()) {
    const auto result = runner.result(name);
    EXPECT_FALSE(result.detail.empty()) << name;
    EXPECT_FALSE(result.detail.contains("the probe died")) << name << ": " << result.detail;
    EXPECT_FALSE(result.detail.contains("no answer within")) << name;
  }
  EXPECT_EQ(count_tmp(), before);
}

// All in one child, in their order and backwards: what a probe does to itself is no other one's answer.
TEST(Probes, DoNotChangeWhatTheNextOneSees) {
  std::vector<Probe> probes = all_probes();
  Runner forwards;
  forwards.run(probes);
  std::ranges::reverse(probes);
  Runner backwards;
  backwards.run(probes);
  for (const auto& probe : probes) {
    const auto one = forwards.result(probe.name), other = backwards.result(probe.name);
    EXPECT_EQ(one.status, other.status) << probe.name << ": " << one.detail << "; " << other.detail;
  }
}

}  // namespace
}  // namespace cg::probes
