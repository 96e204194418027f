// A pseudo terminal is dumped as a pair. When only the slave is in the tree, its session's leader or its
// master is outside: --shell-job leaves one such terminal to whoever restores.
#include <fmt/format.h>

#include <map>
#include <set>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

struct Terminal {
  const Task* task = nullptr;
  const OpenFile* file = nullptr;
};

bool is_slave(const FileStat& stat) {
  return stat.rdev_major >= 136 && stat.rdev_major < 144;
}
unsigned slave_index(const FileStat& stat) {
  return (stat.rdev_major - 136) << 20 | stat.rdev_minor;
}
bool is_master(const FileStat& stat) {
  return stat.rdev_major == 5 && stat.rdev_minor == 2;
}

// st_dev and st_rdev as CRIU prints them in a key: those of stat(2), not of the kernel.
std::uint64_t encoded(unsigned major, unsigned minor) {
  return (minor & 0xffU) | (static_cast<std::uint64_t>(major & 0xfffU) << 8) |
         (static_cast<std::uint64_t>(minor & ~0xffU) << 12);
}
std::string external_key(const FileStat& stat) {
  return fmt::format("tty[{:x}:{:x}]", encoded(stat.rdev_major, stat.rdev_minor),
                     encoded(stat.major, stat.minor));
}

// tty_nr of /proc/PID/stat is in the kernel's short form: minor bits 31-20 and 7-0, major bits 15-8.
bool is_controlling(const Task& task, const FileStat& stat) {
  const auto number = static_cast<unsigned>(task.stat.tty);
  return number != 0 && ((number >> 8) & 0xfff) == stat.rdev_major &&
         ((number & 0xff) | ((number >> 12) & 0xfff00)) == stat.rdev_minor;
}

std::string object_of(const Terminal& terminal) {
  return fmt::format("{} of {}: {}", terminal.file->label, terminal.task->name(), terminal.file->link);
}

}  // namespace

bool is_terminal(const FileStat& stat) {
  if (!is_character_device(stat)) return false;
  const unsigned major = stat.rdev_major;
  return is_slave(stat) || (major == 5 && stat.rdev_minor <= 2) || major == 4 || major == 188 || major == 204;
}

void check_terminals(const Question& question, Findings& found) {
  std::set<int> mounts;
  for (const auto& [inode, list] : question.tree.mounts)
    for (const auto& mount : list) mounts.insert(mount.id);
  std::map<std::string, Terminal> slaves;  // by name: the same index may be in two devpts
  std::set<unsigned> masters;
  std::set<std::string> dangling;
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files) {
      if (!file.stat || file.fd < 0 || !is_terminal(*file.stat)) continue;
      const std::string key = external_key(*file.stat);
      if (question.options.external_keys.contains(key)) continue;
      if (is_master(*file.stat) && file.info && file.info->tty_index >= 0)
        masters.insert(static_cast<unsigned>(file.info->tty_index));
      if (is_slave(*file.stat)) slaves.try_emplace(key, Terminal{&task, &file});
      const Terminal terminal{&task, &file};
      const bool outside = file.mount() >= 0 && !mounts.contains(file.mount());
      const auto add_outside = [&](std::string_view wording) {
        found.add({"terminal-outside", wording}, object_of(terminal),
                  {{"mount", std::to_string(file.mount())},
                   {"fd", std::to_string(file.fd)},
                   {"path", file.link},
                   {"key", key}});
      };
      // Until 3.18 --shell-job did not help a terminal whose mount is not in the tree.
      if (outside && question.criu < Version{{3, 18, 0}}) {
        add_outside("external");
        slaves.erase(key);
        continue;
      }
      if (question.options.shell_job) continue;
      if (outside) add_outside("");
      if (is_controlling(task, *file.stat) && !question.tree.find(task.stat.session) &&
          dangling.insert(key).second)
        found.add(
            {"terminal-session"}, object_of(terminal),
            {{"session", std::to_string(task.stat.session)}, {"group", std::to_string(task.stat.group)}});
    }
  for (const auto& [index, pid] : question.tree.terminals_outside)
    found.add({"terminal-held"}, fmt::format("/dev/pts/{}, held by {}", index, pid),
              {{"index", std::to_string(index)}, {"pid", std::to_string(pid)}});
  std::size_t unpaired = 0;
  for (const auto& [key, terminal] : slaves) {
    if (masters.contains(slave_index(*terminal.file->stat))) continue;
    const bool hung_up = terminal.file->link.ends_with(" (deleted)");
    if (!hung_up) ++unpaired;
    const std::string index = std::to_string(slave_index(*terminal.file->stat));
    if (hung_up) {
      // Hung up: nobody has the master any more. CRIU makes a pair for it, in the tree's own devpts.
      if (question.tree.has_own(Namespace::mount) && !question.options.shell_job)
        found.add({"terminal-hung-up"}, object_of(terminal));
    } else if (!question.options.shell_job) {
      found.add({"terminal-master"}, object_of(terminal), {{"index", index}});
    } else if (unpaired > 1) {
      found.add({"terminal-second"}, object_of(terminal), {{"index", index}, {"key", key}});
    }
  }
}

}  // namespace cg::tree
