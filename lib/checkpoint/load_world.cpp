// What lies around the processes: mounts, network, cgroups, the processor, how long the dump took.
#include <fcntl.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/limits.h"
#include "checkpoint/load.h"
#include "checkpoint/loader.h"
#include "checkpoint/numbered.h"
#include "images.pb.h"

namespace cg::checkpoint {
namespace {

Mount mount_of(const wire::Mount& from, std::uint32_t name_space) {
  return {.name_space = name_space,
          .id = from.id(),
          .parent = from.parent(),
          .kind = from.kind(),
          .device = from.device(),
          .shared = from.shared(),
          .master = from.master(),
          .root = from.root(),
          // It is written as "./etc/hosts" or "/etc/hosts".
          .mountpoint = from.mountpoint().starts_with("./") ? from.mountpoint().substr(1) : from.mountpoint(),
          .source = from.source(),
          .type = from.name(),
          .external = from.external() || from.has_key(),
          // Where there is no field for it, the key stands in place of the root.
          .key = from.has_key()    ? from.key()
                 : from.external() ? from.root()
                                   : ""};
}

FileLock lock_of(const wire::Lock& from) {
  // CRIU's own numbers: 1 POSIX, 2 BSD, 4 of an open file, 8 a lease.
  const std::uint32_t flags = from.flags();
  return {.kind = flags & 2   ? FileLock::Kind::flock
                  : flags & 4 ? FileLock::Kind::ofd
                  : flags & 1 ? FileLock::Kind::posix
                              : FileLock::Kind::other,
          .pid = from.pid(),
          .descriptor = static_cast<std::uint32_t>(from.descriptor()),
          .write = from.type() == F_WRLCK,
          .start = from.start(),
          .bytes = from.bytes()};
}

Processor processor_of(const wire::ProcessorX86& from) {
  Processor processor{.vendor = from.vendor(),
                      .family = from.family(),
                      .model = from.model(),
                      .stepping = from.stepping(),
                      .words_version = from.words_version(),
                      .words = {from.words().begin(), from.words().end()},
                      .name = from.name(),
                      .state_components = {},
                      .state_size = {},
                      .state_size_most = {}};
  while (!processor.name.empty() && processor.name.back() == '\0') processor.name.pop_back();
  if (from.has_state_components()) processor.state_components = from.state_components();
  if (from.has_state_size()) processor.state_size = from.state_size();
  if (from.has_state_size_most()) processor.state_size_most = from.state_size_most();
  return processor;
}

}  // namespace

void Loader::load_world() {
  for (const auto& [file, size] : store_.sizes()) {
    if (const auto space = number_in(file, "mountpoints-")) {
      read(file, Magic::mounts, Need::required, [&](Records& records) -> Result<void> {
        while (!records.at_end()) {
          CG_TRY(entry, records.next_as<wire::Mount>());
          out_.mounts.push_back(mount_of(entry, *space));
        }
        return {};
      });
    } else if (const auto network = number_in(file, "netdev-")) {
      read(file, Magic::network_devices, Need::required, [&](Records& records) -> Result<void> {
        while (!records.at_end()) {
          CG_TRY(entry, records.next_as<wire::NetworkDevice>());
          out_.devices.push_back({*network, entry.kind(), entry.index(), entry.name()});
        }
        return {};
      });
    } else if (const auto keyed = number_in(file, "netns-")) {
      const auto entry = read_one<wire::NetworkNamespace>(file, Magic::network_namespace, Need::required);
      if (entry && entry->has_key()) out_.network_keys[*keyed] = entry->key();
    } else if (const auto pid = number_in(file, "pidns-")) {
      const auto entry = read_one<wire::PidNamespace>(file, Magic::pid_namespace, Need::required);
      if (entry && entry->has_key()) out_.pid_keys[*pid] = entry->key();
    }
  }
  for (const auto& task : out_.tasks)
    if (out_.own(&Objects::mount) && task.is_alive() && task.objects.mount != 0) {
      const std::string file = fmt::format("mountpoints-{}.img", task.objects.mount);
      if (!store_.has(file) && (out_.problems.empty() || out_.problems.back().file != file))
        missing(file, fmt::format("it is not there; process {} has that mount namespace", task.pid));
    }
  if (const auto groups = read_one<wire::Cgroups>("cgroup.img", Magic::cgroups, Need::optional)) {
    for (const auto& set : groups->sets())
      for (const auto& member : set.members())
        out_.cgroups.push_back({set.id(), member.controller(), member.path()});
    for (const auto& controller : groups->controllers())
      for (const auto& name : controller.names()) out_.cgroup_controllers.push_back(name);
  }
  if (store_.has("filelocks.img"))
    read("filelocks.img", Magic::locks, Need::optional, [&](Records& records) -> Result<void> {
      while (!records.at_end()) {
        CG_TRY(lock, records.next_as<wire::Lock>());
        out_.locks.push_back(lock_of(lock));
      }
      return {};
    });
  if (const auto cpu = read_one<wire::Processor>("cpuinfo.img", Magic::processor, Need::optional)) {
    if (cpu->x86_size() > 0)
      out_.processor = processor_of(cpu->x86(0));
    else
      out_.foreign_processor = true;
  }
}

Result<Processor> load_processor(const std::filesystem::path& path) {
  const auto file = std::filesystem::is_directory(path) ? path / "cpuinfo.img" : path;
  CG_TRY(bytes, read_file(file, limits::checkpoint_image_bytes));
  CG_TRY(records, Records::open(bytes, Magic::processor, file.string()));
  CG_TRY(entry, records.next_as<wire::Processor>());
  if (entry.x86_size() == 0) return refused(file.string() + ": no x86 processor in it");
  return processor_of(entry.x86(0));
}

void Loader::load_statistics() {
  const auto entry = read_one<wire::Statistics>("stats-dump", Magic::statistics, Need::optional);
  if (entry && entry->has_dump()) out_.frozen_microseconds = entry->dump().frozen_time();
}

}  // namespace cg::checkpoint
