#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "checkpoint/describe.h"
#include "images/images_command.h"

namespace cg {
namespace {

using namespace checkpoint;

// What fits on a screen beside everything else.
constexpr std::size_t few = 12;
constexpr std::uint64_t page_bytes = 4096;

class Text {
 public:
  Text(const Checkpoint& checkpoint, Rows rows)
      : all_(checkpoint), most_(rows == Rows::all ? SIZE_MAX : few) {}
  std::string write();

 private:
  void head();
  void processes();
  void sockets();
  void mounts();
  void external();
  void problems();
  void fact(std::string_view name, const std::string& value) {
    text_ += fmt::format("  {:<11}{}\n", name, value);
  }
  // A heading with rows below it, as many as fit.
  void list(const std::string& heading, const std::vector<std::string>& rows);

  const Checkpoint& all_;
  std::size_t most_;
  std::string text_;
};

std::string plural(std::size_t count, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", count, count == 1 ? one : more);
}

std::string kinds_of(const Task& task) {
  std::map<std::string_view, std::size_t> counts;
  for (const auto& descriptor : task.descriptors) ++counts[kind_name(descriptor.kind)];
  std::vector<std::string> words;
  for (const auto& [kind, count] : counts) words.push_back(fmt::format("{} {}", count, kind));
  return join(words, ", ");
}

std::string own_namespaces(const Checkpoint& checkpoint) {
  static constexpr std::array<std::pair<const char*, std::uint32_t Objects::*>, 8> kinds{
      {{"pid", &Objects::pid},
       {"mnt", &Objects::mount},
       {"net", &Objects::net},
       {"ipc", &Objects::ipc},
       {"uts", &Objects::uts},
       {"user", &Objects::user},
       {"cgroup", &Objects::cgroup},
       {"time", &Objects::time}}};
  std::vector<std::string> own;
  for (const auto& [name, kind] : kinds)
    if (checkpoint.own(kind)) own.emplace_back(name);
  return own.empty() ? "none of its own" : join(own, " ");
}

void Text::list(const std::string& heading, const std::vector<std::string>& rows) {
  if (rows.empty()) return;
  text_ += heading + "\n";
  for (std::size_t at = 0; at < rows.size() && at < most_; ++at) text_ += "  " + rows[at] + "\n";
  if (rows.size() > most_) text_ += fmt::format("  and {} more (-v shows them)\n", rows.size() - most_);
}

void Text::head() {
  std::size_t threads = 0;
  Pages pages;
  std::uint64_t mapped = 0;
  for (const auto& task : all_.tasks) {
    threads += std::max<std::size_t>(1, task.threads.size());
    pages.stored += task.pages.stored;
    pages.in_parent += task.pages.in_parent;
    pages.lazy += task.pages.lazy;
    mapped += task.mapped_bytes;
  }
  text_ +=
      fmt::format("{}: {}, {}, {} in {}\n", shown(all_.name),
                  plural(all_.tasks.size(), "process", "processes"), plural(threads, "thread", "threads"),
                  human_size(all_.bytes()), plural(all_.image_sizes.size(), "file", "files"));
  std::string made = all_.criu.empty() ? "CRIU, which one the images do not say" : "CRIU " + shown(all_.criu);
  if (!all_.kernel.empty()) made += " on Linux " + shown(all_.kernel);
  made += fmt::format("; images of version {}{}",
                      all_.inventory.version == 2 ? "1.1" : std::to_string(all_.inventory.version),
                      all_.architecture().empty() ? "" : ", " + all_.architecture());
  fact("made by", made);
  if (all_.frozen_microseconds)
    fact("frozen for", human_seconds(static_cast<double>(*all_.frozen_microseconds) / 1e6));
  std::string memory =
      fmt::format("{} in pages, {} mapped", human_size(pages.stored * page_bytes), human_size(mapped));
  if (pages.in_parent > 0)
    memory += fmt::format("; {} more in {}", human_size(pages.in_parent * page_bytes),
                          plural(all_.parents, "pre-dump", "pre-dumps"));
  if (all_.inventory.compression != 0) memory += "; compressed";
  fact("memory", memory);
  fact("namespaces", own_namespaces(all_));
  if (all_.processor)
    fact("processor", fmt::format("{} (family {}, model {})", shown(all_.processor->name),
                                  all_.processor->family, all_.processor->model));
  if (!all_.locks.empty()) fact("file locks", std::to_string(all_.locks.size()));
  if (all_.inventory.plugins && !all_.inventory.plugins->empty())
    fact("plugins", shown(join(*all_.inventory.plugins, " ")));
  if (!all_.beside.empty()) {
    std::vector<std::string> words;
    for (const auto& [file, size] : all_.beside)
      words.push_back(fmt::format("{} ({})", shown(file), human_size(size)));
    fact("beside it", join(words, ", "));
  }
}

void Text::processes() {
  std::map<int, int> depth;
  std::vector<std::string> rows;
  for (const auto& task : all_.tasks) {
    // Deeper ones would run out of the screen.
    const int level = std::min(task.parent == 0 ? 0 : depth[task.parent] + 1, 20);
    depth[task.pid] = level;
    std::string row = fmt::format("{:>7} {:{}}{:<16}", task.pid, "", 2 * level, shown(task.name));
    if (const auto state = state_name(task); !state.empty()) row += " " + state;
    if (task.threads.size() > 1) row += fmt::format(" {} threads", task.threads.size());
    if (task.is_alive()) {
      row += fmt::format(" {}", human_size(task.pages.stored * page_bytes));
      if (!task.descriptors.empty()) row += fmt::format("; {}", kinds_of(task));
    }
    rows.push_back(std::move(row));
  }
  list("processes", rows);
}

void Text::sockets() {
  std::vector<std::string> rows;
  for (const auto& [id, file] : all_.files)
    if (file.internet || file.local)
      rows.push_back(fmt::format("{} ({})", describe(all_, file), holder_of(all_, id)));
  list("sockets", rows);
}

void Text::mounts() {
  std::vector<std::string> rows;
  for (const auto& mount : all_.mounts)
    rows.push_back(fmt::format("{} {}{}{}", shown(mount.mountpoint), shown(mount_type(mount)),
                               mount.root == "/" || mount.external ? "" : " of " + shown(mount.root),
                               mount.external ? ", external: " + shown(mount.key) : ""));
  list("mounts", rows);
  rows.clear();
  for (const auto& device : all_.devices)
    rows.push_back(fmt::format("{} {}", shown(device.name), device_kind_name(device.kind)));
  list("network devices", rows);
}

void Text::external() {
  std::set<std::string> rows;
  for (const auto& mount : all_.mounts)
    if (mount.external)
      rows.insert(fmt::format("mount {} by the key {}", shown(mount.mountpoint), shown(mount.key)));
  for (const auto& [id, file] : all_.files) {
    if (file.regular && file.regular->external) rows.insert("file " + shown(file.regular->path));
    if (file.local && file.local->external) rows.insert("unix socket " + describe(*file.local));
  }
  for (const auto& [id, key] : all_.network_keys) rows.insert("network namespace " + shown(key));
  for (const auto& [id, key] : all_.pid_keys) rows.insert("pid namespace " + shown(key));
  list("from outside", {rows.begin(), rows.end()});
}

void Text::problems() {
  std::vector<std::string> rows;
  for (const auto& problem : all_.problems) rows.push_back(shown(problem.what));
  list("cannot be read", rows);
}

std::string Text::write() {
  head();
  problems();
  processes();
  sockets();
  mounts();
  external();
  return std::move(text_);
}

}  // namespace

std::string images_text(const Checkpoint& checkpoint, Rows rows) {
  return Text(checkpoint, rows).write();
}

}  // namespace cg
