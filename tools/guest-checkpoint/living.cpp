#include "living.h"

#include <fmt/format.h>

#include "base/file.h"
#include "procfs/directory.h"
#include "procfs/status.h"

namespace cg::checkpoint {
namespace {

bool lives(const procfs::Directory& proc, int pid, std::uint64_t start_time) {
  const auto text = proc.read_small(fmt::format("{}/stat", pid).c_str());
  const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
  if (!stat || stat->state == 'Z' || stat->state == 'X' || stat->state == 't') return false;
  return start_time == 0 || stat->start_time == start_time;
}

}  // namespace

std::vector<int> living(const tree::Snapshot& snapshot) {
  std::vector<int> pids;
  const auto proc = procfs::Directory::open("/proc");
  if (!proc) return pids;
  for (const auto& task : snapshot.tasks)
    if (lives(*proc, task.pid, task.stat.start_time)) pids.push_back(task.pid);
  return pids;
}

std::vector<int> living(const std::vector<int>& all) {
  std::vector<int> pids;
  const auto proc = procfs::Directory::open("/proc");
  if (!proc) return pids;
  for (const int pid : all)
    if (lives(*proc, pid, 0)) pids.push_back(pid);
  return pids;
}

std::string log_kept_at(const std::filesystem::path& log, const std::filesystem::path& destination) {
  const std::string kept = destination.string() + ".log";
  std::error_code none;
  if (!std::filesystem::exists(log, none)) return "";
  return copy_file_atomically(log, kept, 0600) ? kept : "";
}

}  // namespace cg::checkpoint
