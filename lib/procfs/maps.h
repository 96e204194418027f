// /proc/PID/maps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::procfs {

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  bool shared = false;
  bool writable = false;
  unsigned major = 0;
  unsigned minor = 0;
  std::uint64_t inode = 0;
  std::string path;  // as written: with " (deleted)", "[heap]", "anon_inode:[io_uring]", ""
};

// The mappings in order. Those without a name are left out: they are the many, and nothing is
// to be said about them.
Result<std::vector<Mapping>> parse_named_maps(std::string_view text, const std::string& name = "maps");

}  // namespace cg::procfs
