// Memory of huge pages lies on a file system of the kernel's own, one for each size. CRIU learns its device
// by mapping a page of each size itself: where none is free it does not know it.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "tasks/collect/collect.h"

namespace cg::tree {
namespace {

// The device of anonymous memory of pages of that size; {0, 0}: such a page cannot be had.
std::pair<unsigned, unsigned> device_of(int size_as_power_of_two) {
  const std::size_t size = std::size_t{1} << size_as_power_of_two;
  constexpr int shift = 26;  // MAP_HUGE_SHIFT
  void* place = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (size_as_power_of_two << shift), -1, 0);
  if (place == MAP_FAILED) return {};
  const auto begin = reinterpret_cast<std::uintptr_t>(place);
  struct stat seen {};
  const bool told =
      stat(fmt::format("/proc/self/map_files/{:x}-{:x}", begin, begin + size).c_str(), &seen) == 0;
  munmap(place, size);
  return told ? std::pair(major(seen.st_dev), minor(seen.st_dev)) : std::pair(0U, 0U);
}

}  // namespace

void collect_huge_pages(Snapshot& snapshot) {
  const auto has_some = [&](const Task& task) {
    return std::ranges::any_of(task.files,
                               [&](const OpenFile& file) { return is_huge_memory(snapshot, file); });
  };
  if (std::ranges::none_of(snapshot.tasks, has_some)) return;
  for (const int size : {16, 19, 20, 21, 23, 24, 25, 28, 29, 30, 31, 34})
    if (const auto device = device_of(size); device != std::pair(0U, 0U))
      snapshot.huge_page_devices.insert(device);
}

}  // namespace cg::tree
