// What demo-workload says in one line, and what must hold between two lines of one program's life.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::demo {

struct State {
  std::uint64_t counter = 0;  // one line per step: consecutive lines differ by one
  int pid = 0;                // as the program itself sees them, in its own pid namespace
  int sid = 0;
  int child = 0;
  std::uint64_t child_progress = 0;
  std::vector<int> tids;
  std::vector<std::uint64_t> progress;  // of each thread
  std::uint64_t timer_ticks = 0;
  bool memory_intact = false;
  std::string memory_checksum;
  std::uint64_t memory_slices = 0;
  std::uint64_t slices_verified = 0;
  std::int64_t file_offset = 0;  // bytes
  std::uint64_t records_read = 0;
  bool records_intact = false;
  std::uint64_t input_lines = 0;
};

inline constexpr std::uint64_t record_bytes = 64;
inline constexpr std::uint64_t record_count = 4096;
// The file that the workload's --records names.
std::string records_file();

Result<State> parse_state(std::string_view line);

// One thing that must hold after the restore.
struct Finding {
  std::string name;
  bool held = false;
  std::string detail;
};

// `last`: the last line before the dump. `first`: the first line after the restore. `later`: a line that was
// waited for. `sent`: lines written to the program's standard input so far.
std::vector<Finding> compare(const State& last, const State& first, const State& later, std::uint64_t sent);
// All of the memory verified, all threads, the child, the timer and the input moved on: enough seen to
// compare.
bool seen_enough(const State& last, const State& first, const State& now, std::uint64_t sent);

}  // namespace cg::demo
