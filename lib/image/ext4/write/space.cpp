#include "image/ext4/write/space.h"

#include <algorithm>

namespace cg::image {
namespace {

constexpr std::uint64_t descriptor_size = 64;  // of a group, with the 64bit feature
constexpr std::uint64_t descriptors_per_block = block_size / descriptor_size;

bool is_power_of(std::uint64_t value, std::uint64_t base) {
  while (value % base == 0) value /= base;
  return value == 1;
}

}  // namespace

bool has_superblock(std::uint64_t group) {
  return group <= 1 || is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

Space::Space(std::uint64_t most_blocks) : most_blocks_(most_blocks) {
  const std::uint64_t groups = (most_blocks + blocks_per_group - 1) / blocks_per_group;
  descriptor_blocks_ = (groups + descriptors_per_block - 1) / descriptors_per_block;
}

std::uint64_t Space::free_ahead() {
  const std::uint64_t group = next_ / blocks_per_group;
  const std::uint64_t start = group * blocks_per_group;
  if (has_superblock(group)) next_ = std::max(next_, start + 1 + descriptor_blocks_);
  // Up to the next group that begins with a copy; a run may span the groups between.
  std::uint64_t limit = group + 1;
  while (!has_superblock(limit) && limit * blocks_per_group < most_blocks_) ++limit;
  const std::uint64_t end = std::min(limit * blocks_per_group, most_blocks_);
  return end > next_ ? end - next_ : 0;
}

void Space::take(Run run) {
  used_ += run.count;
  if (!taken_.empty() && taken_.back().start + taken_.back().count == run.start)
    taken_.back().count += run.count;
  else
    taken_.push_back(run);
}

std::vector<Run> Space::allocate(std::uint64_t count) {
  std::vector<Run> runs;
  while (count > 0) {
    const std::uint64_t ahead = free_ahead();
    if (ahead == 0) return {};
    const Run run{next_, std::min(ahead, count)};
    take(run);
    runs.push_back(run);
    next_ += run.count;
    count -= run.count;
  }
  return runs;
}

std::optional<Run> Space::allocate_contiguous(std::uint64_t count) {
  for (;;) {
    const std::uint64_t ahead = free_ahead();
    if (ahead == 0) return std::nullopt;
    if (ahead >= count) {
      const Run run{next_, count};
      take(run);
      next_ += count;
      return run;
    }
    next_ += ahead;
  }
}

void Space::release(Run run) {
  used_ -= run.count;
  released_.push_back(run);
}

}  // namespace cg::image
