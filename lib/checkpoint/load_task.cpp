// core-N, ids-N, mm-N, fs-N, fdinfo-N and pagemap-N: what one process is made of.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/limits.h"
#include "checkpoint/loader.h"
#include "images.pb.h"

namespace cg::checkpoint {
namespace {

// Flags of an entry of a page map.
constexpr std::uint32_t page_in_parent = 1U << 0;
constexpr std::uint32_t page_lazy = 1U << 1;
constexpr std::uint32_t page_present = 1U << 2;

void take_core(const wire::Core& core, Task& task) {
  task.machine = core.machine();
  if (core.has_task()) {
    const wire::TaskState& state = core.task();
    task.state = state.state();
    task.name = state.name();
    task.cgroups = state.cgroups();
    task.seccomp = state.seccomp() != 0;
    if (state.has_login()) task.login = state.login();
    if (state.limits().of_size() > RLIMIT_NOFILE)
      task.most_descriptors = state.limits().of(RLIMIT_NOFILE).hard();
  }
  if (core.has_objects()) task.objects = objects_of(core.objects());
  if (core.has_thread()) {
    const wire::ThreadState& thread = core.thread();
    task.user = thread.credentials().user();
    task.security_label = thread.credentials().security_label();
    task.seccomp = task.seccomp || thread.seccomp() != 0;
    task.rseq = thread.has_rseq();
    if (thread.has_cgroups()) task.cgroups = thread.cgroups();
  }
}

Result<void> take_memory(const wire::Memory& memory, Records& records, Task& task) {
  task.program = memory.program();
  task.async_rings = static_cast<std::size_t>(memory.rings_size());
  task.mappings.reserve(static_cast<std::size_t>(memory.mappings_size()));
  for (const auto& one : memory.mappings()) {
    if (one.end() < one.begin())
      return records.bad(records.offset(), fmt::format("a mapping {:x}-{:x} that ends before it begins",
                                                       one.begin(), one.end()));
    task.mapped_bytes += one.end() - one.begin();
    task.mappings.push_back(
        {one.begin(), one.end(), one.offset(), one.object(), one.protection(), one.flags(), one.kind()});
  }
  return {};
}

}  // namespace

Objects objects_of(const wire::Objects& from) {
  return {from.memory(),          from.files(),          from.filesystem(),       from.handlers(),
          from.pid_namespace(),   from.net_namespace(),  from.ipc_namespace(),    from.uts_namespace(),
          from.mount_namespace(), from.user_namespace(), from.cgroup_namespace(), from.time_namespace()};
}

void Loader::load_task(Task& task) {
  const auto core = read_one<wire::Core>(fmt::format("core-{}.img", task.pid), Magic::core, Need::required);
  if (core) take_core(*core, task);
  for (const int thread : task.threads)
    if (thread != task.pid && core)
      (void)read_one<wire::Core>(fmt::format("core-{}.img", thread), Magic::core, Need::required);
  if (!core || !task.is_alive()) return;
  // Since version 3 or so they are in a file of their own.
  if (!core->has_objects())
    if (const auto ids =
            read_one<wire::Objects>(fmt::format("ids-{}.img", task.pid), Magic::objects, Need::required))
      task.objects = objects_of(*ids);
  if (const auto fs =
          read_one<wire::Filesystem>(fmt::format("fs-{}.img", task.pid), Magic::filesystem, Need::required)) {
    task.directory = fs->directory();
    task.root = fs->root();
  }
  read(fmt::format("mm-{}.img", task.pid), Magic::memory, Need::required,
       [&](Records& records) -> Result<void> {
         if (records.at_end()) return records.bad(records.offset(), "its record is missing");
         CG_TRY(memory, records.next_as<wire::Memory>());
         return take_memory(memory, records, task);
       });
  read(fmt::format("fdinfo-{}.img", task.objects.files), Magic::descriptors, Need::required,
       [&](Records& records) -> Result<void> {
         while (!records.at_end()) {
           CG_TRY(entry, records.next_as<wire::Descriptor>());
           task.descriptors.push_back({entry.number(), static_cast<FileKind>(entry.kind()), entry.file()});
         }
         return {};
       });
}

void Loader::load_pages(Task& task) {
  std::uint64_t pages_file = 0;
  bool blocks = false;
  const std::string file = fmt::format("pagemap-{}.img", task.pid);
  const bool whole = read(file, Magic::pagemap, Need::required, [&](Records& records) -> Result<void> {
    if (records.at_end()) return records.bad(records.offset(), "its head is missing");
    CG_TRY(head, records.next_as<wire::PagemapHead>());
    pages_file = head.pages();
    while (!records.at_end()) {
      const std::size_t at = records.offset();
      CG_TRY(entry, records.next_as<wire::PagemapEntry>());
      const std::uint64_t pages = entry.has_pages() ? entry.pages() : entry.pages_before_4();
      if (pages > limits::checkpoint_pages)
        return records.bad(
            at, fmt::format("{} pages in one piece; the most is {}", pages, limits::checkpoint_pages));
      // Before there were flags, what was not in the parent was there.
      const std::uint32_t flags = entry.has_flags()   ? entry.flags()
                                  : entry.in_parent() ? page_in_parent
                                                      : page_present;
      if (flags & page_in_parent) task.pages.in_parent += pages;
      if (flags & page_present) task.pages.stored += pages;
      if (flags & page_lazy) task.pages.lazy += pages;
      blocks = blocks || entry.has_blocks();
    }
    return {};
  });
  if (!whole) return;
  if (task.pages.in_parent > 0 && store_.parent().empty())
    missing("parent", fmt::format("{} pages of process {} are in a pre-dump, and nothing leads to it",
                                  task.pages.in_parent, task.pid));
  if (task.pages.stored == 0) return;
  const std::string pages_name = fmt::format("pages-{}.img", pages_file);
  const auto size = store_.sizes().find(pages_name);
  if (size == store_.sizes().end()) {
    missing(pages_name,
            fmt::format("it is not there; {} says that it holds {} pages", file, task.pages.stored));
    return;
  }
  // Packed pages have the size that they have. Pages are never smaller than 4 KiB.
  const bool packed = blocks || out_.inventory.compression != 0;
  if (!packed && size->second < task.pages.stored * 4096)
    damaged(pages_name,
            fmt::format("{}: {} bytes, where {} says that there are {} pages of 4096: it is cut short",
                        store_.path_of(pages_name), size->second, file, task.pages.stored));
}

}  // namespace cg::checkpoint
