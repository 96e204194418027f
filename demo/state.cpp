#include "state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cg::demo {
namespace {

bool all_moved(const std::vector<std::uint64_t>& before, const std::vector<std::uint64_t>& after) {
  return before.size() == after.size() &&
         std::ranges::equal(before, after, [](std::uint64_t a, std::uint64_t b) { return a < b; });
}

// Where the file must stand after that many records; it starts over at its end.
std::int64_t expected_offset(std::uint64_t records_read) {
  return records_read == 0
             ? 0
             : static_cast<std::int64_t>(((records_read - 1) % record_count + 1) * record_bytes);
}

bool full_pass(const State& first, const State& now) {
  return now.slices_verified >= first.slices_verified + now.memory_slices;
}

}  // namespace

std::string records_file() {
  std::string text;
  for (std::uint64_t i = 0; i < record_count; ++i) text += fmt::format("{:<{}}\n", i, record_bytes - 1);
  return text;
}

Result<State> parse_state(std::string_view line) {
  try {
    const auto json = nlohmann::json::parse(line);
    State state;
    json.at("counter").get_to(state.counter);
    json.at("pid").get_to(state.pid);
    json.at("sid").get_to(state.sid);
    json.at("child").get_to(state.child);
    json.at("child_progress").get_to(state.child_progress);
    json.at("tids").get_to(state.tids);
    json.at("progress").get_to(state.progress);
    json.at("timer_ticks").get_to(state.timer_ticks);
    json.at("memory_intact").get_to(state.memory_intact);
    json.at("memory_checksum").get_to(state.memory_checksum);
    json.at("memory_slices").get_to(state.memory_slices);
    json.at("slices_verified").get_to(state.slices_verified);
    json.at("file_offset").get_to(state.file_offset);
    json.at("records_read").get_to(state.records_read);
    json.at("records_intact").get_to(state.records_intact);
    json.at("input_lines").get_to(state.input_lines);
    return state;
  } catch (const nlohmann::json::exception& error) {
    return refused(fmt::format("not a state line of demo-workload ({}): {}", error.what(), line));
  }
}

bool seen_enough(const State& last, const State& first, const State& now, std::uint64_t sent) {
  return full_pass(first, now) && all_moved(last.progress, now.progress) &&
         now.timer_ticks > last.timer_ticks && now.child_progress > last.child_progress &&
         now.input_lines >= sent;
}

std::vector<Finding> compare(const State& last, const State& first, const State& later, std::uint64_t sent) {
  std::vector<Finding> findings;
  const auto add = [&](std::string name, bool held, std::string detail) {
    findings.push_back({std::move(name), held, std::move(detail)});
  };
  add("pid", first.pid == last.pid && first.sid == last.sid,
      fmt::format("{} in its namespace, session {}", first.pid, first.sid));
  add("counter", first.counter == last.counter + 1 && later.counter > first.counter,
      fmt::format("{} before, {} next, {} later", last.counter, first.counter, later.counter));
  add("memory", later.memory_intact && full_pass(first, later),
      fmt::format("{} MiB verified {}", later.memory_slices,
                  later.memory_intact ? "whole, checksum " + later.memory_checksum : "and found changed"));
  add("threads", first.tids == last.tids && all_moved(last.progress, later.progress),
      fmt::format("tids {}, progress {} -> {}", fmt::join(later.tids, " "), fmt::join(last.progress, " "),
                  fmt::join(later.progress, " ")));
  add("child process", first.child == last.child && later.child_progress > last.child_progress,
      fmt::format("pid {}, {} -> {} in shared memory", later.child, last.child_progress,
                  later.child_progress));
  add("timer", later.timer_ticks > last.timer_ticks,
      fmt::format("{} -> {} ticks", last.timer_ticks, later.timer_ticks));
  add("open file",
      later.records_intact && first.records_read == last.records_read + 1 &&
          first.file_offset == expected_offset(first.records_read) &&
          later.file_offset == expected_offset(later.records_read),
      fmt::format("offset {} -> {} -> {}, every record the expected one", last.file_offset, first.file_offset,
                  later.file_offset));
  add("standard input", later.input_lines == sent,
      fmt::format("{} of {} lines arrived", later.input_lines, sent));
  return findings;
}

}  // namespace cg::demo
