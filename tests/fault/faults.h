// Lets the n-th system call that changes or reads a file fail, or kills the process there. This program
// defines pwrite(), fsync(), rename() and the others itself, so that what lib/ and the libraries below it
// call arrives here: the tools need no seam for it.
#pragma once

#include <cstddef>

namespace cg::faults {

enum class What {
  count,      // only count
  fail_once,  // the n-th call fails, the next ones work
  fail_on,    // the n-th call and all after it fail
  kill,       // SIGKILL in the middle of the n-th call: half of its bytes are written
};

enum class Calls {
  changes,  // write, fsync, rename, unlink and their like
  reads,    // read and pread
};

// Counts calls of that kind from now on; `error` is what a failing one sets errno to.
void arm(What what, std::size_t n, int error, Calls kind = Calls::changes);
// How many calls there were since arm(); no more faults.
std::size_t disarm();

// The n-th allocation since arm_allocation() fails. With n = 0 the places that allocate are remembered
// instead.
void arm_allocation(std::size_t n);
void disarm_allocation();
// For each place (the chain of callers) the number of its first allocation.
std::size_t allocation_places(std::size_t* numbers, std::size_t most);

}  // namespace cg::faults
