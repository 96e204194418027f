#include "stored/images.h"

#include "checkpoint/load.h"

namespace cg::checkpoint {

std::vector<int> ImagesState::pids() const {
  std::vector<int> pids;
  for (const auto& task : images.tasks) pids.push_back(task.pid);
  return pids;
}

std::size_t ImagesState::threads() const {
  std::size_t threads = 0;
  for (const auto& task : images.tasks) threads += task.threads.size();
  return threads;
}

std::uint64_t ImagesState::memory_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, size] : images.image_sizes)
    if (name.starts_with("pages-")) bytes += size;
  return bytes;
}

double ImagesState::frozen_seconds() const {
  return static_cast<double>(images.frozen_microseconds.value_or(0)) / 1e6;
}

Result<ImagesState> look_at_checkpoint(const std::filesystem::path& directory) {
  ImagesState state;
  auto images = load(directory);
  if (!images && images.error().kind != ErrorKind::refused) return std::unexpected(images.error());
  if (!images) {
    state.flaws.push_back(images.error().message);
    return state;
  }
  state.images = std::move(*images);
  for (const auto& problem : state.images.problems) state.flaws.push_back(problem.what);
  return state;
}

}  // namespace cg::checkpoint
