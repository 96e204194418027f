// Takes things away from whoever runs after it: system calls by a seccomp filter, files by mounts.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace cg::lab {

// "syscall NAME ERRNO [arg INDEX VALUE]…": the call answers ERRNO, when the argument has the value.
// "null FILE": /dev/null lies over it. "read-only DIR". "over FILE WITH": another file lies over it.
// "shown DIR NAME": an empty file system lies over it, with a directory of that name.
// "without-capability N": no program started from now
// on has it. "no-net": a network namespace whose lo is down. "proc-subset": /proc mounted with subset=pid.
struct Taking {
  std::vector<std::string> words;
  bool is_filter() const { return words.front() == "syscall"; }
};
Result<Taking> parse_taking(const std::string& text);

// Mounts and namespaces, for this process and its children. The mounts are private before.
Result<void> take_away_files(const std::vector<Taking>& takings);
// Filters, for this process and its children; they cannot be taken back.
Result<void> take_away_calls(const std::vector<Taking>& takings);

}  // namespace cg::lab
