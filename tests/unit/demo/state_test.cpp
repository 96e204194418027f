#include "state.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cg::demo {
namespace {

constexpr auto a_line =
    R"({"counter":17,"pid":1,"sid":1,"child":2,"child_progress":27,"tids":[3,4,5],"progress":[21,20,19],"timer_ticks":21,)"
    R"("memory_intact":true,"memory_checksum":"4f0f734954e06ddd","memory_slices":16,"slices_verified":17,)"
    R"("file_offset":1088,"records_read":17,"records_intact":true,"input_lines":3})";

State last() {
  return parse_state(a_line).value();
}

// The step after last().
State first() {
  State state = last();
  state.counter = 18;
  state.slices_verified = 18;
  state.records_read = 18;
  state.file_offset = 18 * 64;
  return state;
}

// A full pass over the memory later.
State later() {
  State state = first();
  state.counter = 34;
  state.slices_verified = 34;
  state.records_read = 34;
  state.file_offset = 34 * 64;
  state.child_progress = 49;
  state.progress = {43, 41, 38};
  state.timer_ticks = 44;
  state.input_lines = 5;
  return state;
}

std::vector<std::string> broken(const State& before, const State& next, const State& end,
                                std::uint64_t sent = 5) {
  std::vector<std::string> names;
  for (const auto& finding : compare(before, next, end, sent))
    if (!finding.held) names.push_back(finding.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(State, ALineIsRead) {
  const State state = last();
  EXPECT_EQ(state.counter, 17u);
  EXPECT_EQ(state.tids, (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(state.memory_checksum, "4f0f734954e06ddd");
  EXPECT_EQ(state.file_offset, 1088);
}

TEST(State, WhatIsNoStateLineIsRefused) {
  for (const std::string line :
       {"", "{}", "[1]", "demo-workload: mmap: Cannot allocate memory", "{\"counter\":17,\"pid\":1"}) {
    const auto state = parse_state(line);
    ASSERT_FALSE(state) << line;
    EXPECT_EQ(state.error().kind, ErrorKind::refused);
  }
  EXPECT_FALSE(parse_state(std::string(a_line).replace(11, 2, "\"x\"")));
}

TEST(Compare, AProgramThatWentOnPasses) {
  EXPECT_EQ(broken(last(), first(), later()), Names{});
  EXPECT_TRUE(seen_enough(last(), first(), later(), 5));
  EXPECT_FALSE(seen_enough(last(), first(), first(), 5));
}

TEST(Compare, AProgramThatWasStartedAgainIsNoticed) {
  State fresh = first();
  fresh.counter = 1;
  fresh.records_read = 1;
  fresh.file_offset = 64;
  EXPECT_EQ(broken(last(), fresh, later()), (Names{"counter", "open file"}));
}

TEST(Compare, ALostOrRepeatedStepIsNoticed) {
  State skipped = first();
  skipped.counter = 19;
  EXPECT_EQ(broken(last(), skipped, later()), Names{"counter"});
  skipped.counter = 17;
  EXPECT_EQ(broken(last(), skipped, later()), Names{"counter"});
}

TEST(Compare, EachPartIsJudgedByItself) {
  const auto with = [](auto change) {
    State state = later();
    change(state);
    return broken(last(), first(), state);
  };
  EXPECT_EQ(with([](State& s) { s.memory_intact = false; }), Names{"memory"});
  EXPECT_EQ(with([](State& s) { s.slices_verified = 33; }), Names{"memory"});  // not all of it was read again
  EXPECT_EQ(with([](State& s) { s.progress[1] = 20; }), Names{"threads"});     // one thread stands still
  EXPECT_EQ(with([](State& s) { s.progress.pop_back(); }), Names{"threads"});
  EXPECT_EQ(with([](State& s) { s.timer_ticks = 21; }), Names{"timer"});
  EXPECT_EQ(with([](State& s) { s.child_progress = 27; }), Names{"child process"});
  EXPECT_EQ(with([](State& s) { s.records_intact = false; }), Names{"open file"});
  EXPECT_EQ(with([](State& s) { s.file_offset += 1; }), Names{"open file"});
  EXPECT_EQ(with([](State& s) { s.input_lines = 4; }), Names{"standard input"});
}

TEST(Compare, OtherIdentitiesAreNoticed) {
  State other = first();
  other.pid = 7;
  EXPECT_EQ(broken(last(), other, later()), Names{"pid"});
  other = first();
  other.tids = {3, 4, 6};
  EXPECT_EQ(broken(last(), other, later()), Names{"threads"});
  other = first();
  other.child = 9;
  EXPECT_EQ(broken(last(), other, later()), Names{"child process"});
}

TEST(Compare, TheFileMayStartOver) {
  State before = last(), next = first(), end = later();
  before.records_read = record_count;
  before.file_offset = static_cast<std::int64_t>(record_count * record_bytes);
  next.records_read = record_count + 1;
  next.file_offset = record_bytes;
  end.records_read = record_count + 17;
  end.file_offset = 17 * record_bytes;
  EXPECT_EQ(broken(before, next, end), Names{});
}

TEST(Records, HaveTheirNumberAtTheirOffset) {
  const std::string file = records_file();
  ASSERT_EQ(file.size(), record_count * record_bytes);
  EXPECT_EQ(std::stoul(file.substr(0, record_bytes)), 0u);
  EXPECT_EQ(std::stoul(file.substr(4095 * record_bytes, record_bytes)), 4095u);
  EXPECT_EQ(std::ranges::count(file, '\n'), static_cast<std::ptrdiff_t>(record_count));
}

}  // namespace
}  // namespace cg::demo
