// What processes outside of the tree hold of it after the dump, so that the restore finds it taken. The
// number of a pseudo terminal whose master is in the tree: as long as anybody has its slave open. The number
// of a process: as long as anybody is in the session or group that it led.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "procfs/directory.h"
#include "procfs/scan.h"
#include "procfs/status.h"
#include "tasks/collect/collect.h"

namespace cg::tree {
namespace {

using procfs::Directory;

std::set<int> masters_of(const Snapshot& snapshot) {
  std::set<int> indices;
  for (const auto& task : snapshot.tasks)
    for (const auto& file : task.files)
      if (file.info && file.info->tty_index >= 0) indices.insert(file.info->tty_index);
  return indices;
}

bool is_devpts_of(const Snapshot& snapshot, dev_t device) {
  return std::ranges::any_of(snapshot.mounts, [&](const auto& of_namespace) {
    return std::ranges::any_of(of_namespace.second, [&](const procfs::Mount& mount) {
      return mount.type == "devpts" && mount.major == major(device) && mount.minor == minor(device);
    });
  });
}

// What one process holds.
struct Held {
  std::vector<int> terminals;
  std::vector<int> numbers;
};

void look_at_files(const Directory& process, const std::set<int>& masters, const Snapshot& snapshot,
                   Held& held) {
  const auto descriptors = process.open_below("fd");
  const auto numbers =
      descriptors ? descriptors->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  for (const int fd : numbers ? *numbers : std::vector<int>()) {
    const std::string name = std::to_string(fd);
    const auto link = descriptors->link(name.c_str());
    if (!link || !link->starts_with('/') || link->ends_with(" (deleted)")) continue;
    struct stat seen {};
    if (fstatat(descriptors->fd(), name.c_str(), &seen, 0) != 0 || !S_ISCHR(seen.st_mode)) continue;
    if (major(seen.st_rdev) < 136 || major(seen.st_rdev) > 143) continue;
    const int index = static_cast<int>((major(seen.st_rdev) - 136) << 20 | minor(seen.st_rdev));
    if (masters.contains(index) && is_devpts_of(snapshot, seen.st_dev)) held.terminals.push_back(index);
  }
}

std::optional<procfs::Stat> stat_of(const Directory& process) {
  const auto text = process.read_small("stat");
  auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
  return stat ? std::optional(std::move(*stat)) : std::nullopt;
}

// A child that the tree has had since it was looked at is no stranger: its parents lead into the tree.
bool was_born_inside(const std::filesystem::path& proc, const Directory& process,
                     const std::set<int>& inside) {
  auto stat = stat_of(process);
  for (int depth = 0; stat && stat->parent > 0 && depth < 100; ++depth) {
    if (inside.contains(stat->parent)) return true;
    const auto parent = Directory::open(proc / std::to_string(stat->parent));
    stat = parent ? stat_of(*parent) : std::nullopt;
  }
  return false;
}

void look_at_numbers(const Directory& process, const std::set<int>& inside, Held& held) {
  const auto stat = stat_of(process);
  if (!stat) return;
  for (const int number : {stat->session, stat->group})
    if (inside.contains(number)) held.numbers.push_back(number);
}

}  // namespace

void collect_outside(Snapshot& snapshot, const std::filesystem::path& proc) {
  const auto masters = masters_of(snapshot);
  // In a pid namespace of its own the restore counts anew.
  const bool shares_numbers = !snapshot.has_own(Namespace::pid);
  if (masters.empty() && !shares_numbers) return;
  const auto all = Directory::open(proc);
  const auto pids = all ? all->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  std::set<int> inside;
  for (const auto& task : snapshot.tasks) inside.insert(task.pid);
  for (const int pid : pids ? *pids : std::vector<int>()) {
    if (inside.contains(pid)) continue;
    const auto process = Directory::open(proc / std::to_string(pid));
    if (!process) continue;
    Held held;
    if (shares_numbers) look_at_numbers(*process, inside, held);
    if (!masters.empty()) look_at_files(*process, masters, snapshot, held);
    if ((held.terminals.empty() && held.numbers.empty()) || was_born_inside(proc, *process, inside)) continue;
    for (const int index : held.terminals) snapshot.terminals_outside.try_emplace(index, pid);
    for (const int number : held.numbers) snapshot.numbers_outside.try_emplace(number, pid);
  }
}

}  // namespace cg::tree
