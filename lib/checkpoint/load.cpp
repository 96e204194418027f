#include "checkpoint/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "checkpoint/loader.h"
#include "images.pb.h"

namespace cg::checkpoint {
namespace {

// What stands behind `mark` in a log's first lines, up to `end`.
std::string word_behind(const std::string& log, std::string_view mark, std::string_view end) {
  const auto at = log.find(mark);
  if (at == std::string::npos) return {};
  const auto begin = at + mark.size();
  return log.substr(begin, log.find_first_of(end, begin) - begin);
}

// A log that lies with the images says which criu wrote them, and on which kernel; the images do not.
void read_log(const Store& store, Checkpoint& out) {
  for (const auto& [file, size] : store.sizes()) {
    if (!file.ends_with(".log") || file.contains("restore")) continue;
    const std::string log = store.begin(file, 4 * limits::kibibyte).value_or("");
    if (out.criu.empty()) out.criu = word_behind(log, "Version: ", " \n");
    if (out.kernel.empty()) {
      const std::string rest = word_behind(log, "Running on ", "\n");
      const auto words = split(rest, ' ');
      if (words.size() > 2) out.kernel = words[2];
    }
  }
}

Result<void> count_parents(const Store& store, Checkpoint& out) {
  out.parent = store.parent();
  std::unique_ptr<Store> held;
  const Store* at = &store;
  while (!at->parent().empty()) {
    if (++out.parents > limits::checkpoint_parents)
      return refused(fmt::format("{}: more than {} parents, one below the other", store.name(),
                                 limits::checkpoint_parents));
    auto next = at->open_parent();
    if (!next) {
      out.problems.push_back(
          {Problem::Kind::missing, "parent",
           fmt::format("{}: the pre-dump it builds on: {}", at->path_of("parent"), next.error().message)});
      break;
    }
    held = std::move(*next);
    at = held.get();
  }
  return {};
}

}  // namespace

bool Loader::read(const std::string& file, Magic magic, Need need,
                  const std::function<Result<void>(Records&)>& take) {
  if (!store_.has(file)) {
    if (need == Need::required) missing(file, "it is not there");
    return false;
  }
  // Of these the beginning is a record, and what follows is what the file held.
  const auto bytes = magic == Magic::ghost
                         ? store_.begin(file, std::min<std::uint64_t>(store_.sizes().find(file)->second,
                                                                      64 * limits::kibibyte))
                         : store_.read(file);
  if (!bytes) {
    damaged(file, bytes.error().message);
    return false;
  }
  auto records = Records::open(*bytes, magic, store_.path_of(file));
  const Result<void> done =
      records ? take(*records) : Result<void>(std::unexpected(std::move(records.error())));
  if (!done) damaged(file, done.error().message);
  return done.has_value();
}

void Loader::damaged(const std::string& file, std::string what) {
  out_.problems.push_back({Problem::Kind::damaged, file, std::move(what)});
}

void Loader::missing(const std::string& file, const std::string& why) {
  out_.problems.push_back({Problem::Kind::missing, file, fmt::format("{}: {}", store_.path_of(file), why)});
}

Result<void> Loader::load_inventory() {
  const auto entry = read_one<wire::Inventory>("inventory.img", Magic::inventory, Need::required);
  if (!entry) return refused(out_.problems.back().what);
  Inventory& to = out_.inventory;
  to.version = entry->version();
  to.tcp_close = entry->tcp_close();
  to.uprobes = entry->uprobes();
  to.compression = entry->compression();
  to.compression_block = entry->compression_block();
  to.security_module = entry->security_module();
  if (entry->has_network_lock()) to.network_lock = entry->network_lock();
  if (entry->has_plugins())
    to.plugins.emplace(entry->plugins().name().begin(), entry->plugins().name().end());
  to.pre_dump = !store_.has("pstree.img") && entry->has_uptime();
  out_.of_criu = objects_of(entry->of_criu());
  return {};
}

Result<void> Loader::load_tree() {
  std::set<int> known;
  const bool read_all =
      read("pstree.img", Magic::process_tree, Need::required, [&](Records& records) -> Result<void> {
        while (!records.at_end()) {
          const std::size_t at = records.offset();
          CG_TRY(entry, records.next_as<wire::Process>());
          Task task;
          task.pid = static_cast<int>(entry.pid());
          task.parent = static_cast<int>(entry.parent());
          task.group = static_cast<int>(entry.group());
          task.session = static_cast<int>(entry.session());
          for (const auto thread : entry.threads()) task.threads.push_back(static_cast<int>(thread));
          if (task.pid <= 0 || !known.insert(task.pid).second)
            return records.bad(at, fmt::format("process {} is none, or is there twice", task.pid));
          if (task.parent == 0 ? !out_.tasks.empty() : !known.contains(task.parent))
            return records.bad(at, fmt::format("process {} has no parent in the tree", task.pid));
          if (out_.tasks.size() >= limits::checkpoint_files)
            return records.bad(at, fmt::format("more than {} processes", limits::checkpoint_files));
          out_.tasks.push_back(std::move(task));
        }
        return {};
      });
  if (!read_all && out_.tasks.empty()) return refused(out_.problems.back().what);
  if (out_.tasks.empty()) return refused(store_.path_of("pstree.img") + ": no process in it");
  return {};
}

void Loader::look_for_others() {
  struct Kind {
    std::uint32_t Objects::*number;
    const char* file;  // followed by the namespace's number
    const char* what;
  };
  static constexpr Kind kinds[] = {{&Objects::uts, "utsns", "a UTS namespace"},
                                   {&Objects::ipc, "ipcns-var", "an IPC namespace"},
                                   {&Objects::time, "timens", "a time namespace"},
                                   {&Objects::user, "userns", "a user namespace"}};
  for (const auto& kind : kinds) {
    if (!out_.own(kind.number)) continue;
    const std::string file = fmt::format("{}-{}.img", kind.file, out_.root().objects.*kind.number);
    if (!store_.has(file))
      missing(file, fmt::format("it is not there; the tree has {} of its own", kind.what));
  }
  const auto filtered = std::ranges::find_if(out_.tasks, &Task::seccomp_filter);
  if (filtered != out_.tasks.end() && !store_.has("seccomp.img"))
    missing("seccomp.img", fmt::format("it is not there; process {} has filters", filtered->pid));
  const bool terminals =
      std::ranges::any_of(out_.files, [](const auto& one) { return one.second.kind == FileKind::terminal; });
  if (terminals && !store_.has("tty-info.img"))
    missing("tty-info.img", "it is not there; a terminal is open");
}

Result<Checkpoint> load(const Store& store) {
  Checkpoint out;
  out.name = store.name();
  out.image_sizes = store.sizes();
  out.beside = store.beside();
  Loader loader(store, out);
  CG_CHECK(loader.load_inventory());
  if (out.inventory.pre_dump)
    return refused(store.name() + ": a pre-dump: it holds memory pages for a later dump, and no processes");
  CG_CHECK(loader.load_tree());
  CG_CHECK(count_parents(store, out));
  loader.load_files();
  for (auto& task : out.tasks) {
    loader.load_task(task);
    if (task.is_alive()) loader.load_pages(task);
  }
  loader.load_world();
  loader.load_statistics();
  loader.look_for_others();
  read_log(store, out);
  return out;
}

Result<Checkpoint> load(const std::filesystem::path& path) {
  CG_TRY(store, Store::open(path));
  return load(*store);
}

}  // namespace cg::checkpoint
