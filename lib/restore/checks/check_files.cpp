// Every file that a process has open, mapped or stands in: there, and as the dump saw it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "checkpoint/describe.h"
#include "restore/checks/checks.h"

namespace cg::restore {
namespace {

using namespace checkpoint;

// What CRIU opens by its path. A terminal's is made by the terminal itself.
std::set<std::uint32_t> opened_files(const Checkpoint& images) {
  std::set<std::uint32_t> opened;
  for (const auto& task : images.tasks) {
    for (const auto& file : {task.program, task.directory, task.root})
      if (file) opened.insert(*file);
    for (const auto& descriptor : task.descriptors) {
      if (descriptor.kind == FileKind::regular) opened.insert(descriptor.file);
      const OpenFile* fifo = descriptor.kind == FileKind::fifo ? images.file(descriptor.file) : nullptr;
      if (fifo) opened.insert(fifo->name != 0 ? fifo->name : fifo->id);
    }
    for (const auto& mapping : task.mappings)
      if (mapping.is_file()) opened.insert(static_cast<std::uint32_t>(mapping.object));
  }
  return opened;
}

class FileCheck {
 public:
  FileCheck(const View& view, Findings& found) : view_(view), found_(found) {}
  void run();

 private:
  void one(std::uint32_t id, const RegularFile& file);
  void compare(const Files& files, const std::string& path, const RegularFile& file, const Seen& seen,
               const std::string& holder);
  void remap(const Remap& remap);
  void nameless(std::uint32_t id, const RegularFile& file);
  void locked(const FileLock& lock);
  void watched(std::uint32_t id, const Watch& watch);
  void rooms();
  const Files* files_at(const Location& place) const {
    return place.kind == Location::Kind::root      ? view_.place.files
           : place.kind == Location::Kind::outside ? view_.place.host
                                                   : nullptr;
  }

  const View& view_;
  Findings& found_;
  std::map<std::uint32_t, const Remap*> remaps_;
  std::map<std::pair<int, std::uint32_t>, std::uint32_t> descriptors_;  // of a process and number: the file
  // Of file systems that files without a name are written to: what is free, and what is to come.
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> rooms_;
};

void FileCheck::compare(const Files& files, const std::string& path, const RegularFile& file,
                        const Seen& seen, const std::string& holder) {
  const std::string name = shown(file.path);
  if (file.mode && (*file.mode & S_IFMT) != (seen.mode & S_IFMT)) {
    found_.add({"file-type"}, fmt::format("{}, {}", name, holder),
               {{"path", name},
                {"found", fmt::format("{:o}", seen.mode)},
                {"mode", fmt::format("{:o}", *file.mode)}});
    return;
  }
  if (file.size && *file.size != seen.size) {
    found_.add({"file-size"},
               fmt::format("{}, {}: {} bytes, the dump saw {}", name, holder, seen.size, *file.size),
               {{"path", name}, {"found", std::to_string(seen.size)}, {"size", std::to_string(*file.size)}});
    return;
  }
  if (!file.build_id.empty() && file.size && view_.options.by_build_id) {
    const auto id = files.build_id(path);
    if (!id) {
      found_.unseen(id.error().message);
    } else if (!id->empty() && (id->size() + 7) / 8 != file.build_id_words) {
      found_.add({"file-build-id-length"}, fmt::format("{}, {}", name, holder),
                 {{"path", name},
                  {"found", std::to_string((id->size() + 7) / 8 * 4)},
                  {"size", std::to_string(file.build_id_words * 4)}});
    } else if (!id->empty() && !file.build_id.starts_with(*id)) {
      found_.add({"file-build-id"},
                 fmt::format("{}, {}: {}, the dump saw {}", name, holder, *id, file.build_id),
                 {{"path", name}});
    }
  }
  if (file.mode && *file.mode != seen.mode && !view_.options.skip_permissions) {
    const bool only_permissions = ((*file.mode ^ seen.mode) & ~0777U) == 0;
    const bool has_option = view_.criu >= Version{{3, 18, 0}} && only_permissions;
    found_.add({"file-mode", has_option ? "" : "old"},
               fmt::format("{}, {}: {:o}, the dump saw {:o}", name, holder, seen.mode, *file.mode),
               {{"path", name},
                {"found", fmt::format("{:o}", seen.mode)},
                {"mode", fmt::format("{:o}", *file.mode)}});
  }
}

void FileCheck::one(std::uint32_t id, const RegularFile& file) {
  const std::string holder = holder_of(view_.checkpoint, id);
  const std::string name = shown(file.path);
  if (file.external) {
    if (!view_.options.inherited.contains(file.path))
      found_.add({"external-file"}, fmt::format("{}, {}", name, holder), {{"key", name}});
    return;
  }
  const Location place = locate(view_, file.mount, file.path.starts_with('/') ? file.path : "/" + file.path);
  const Files* files = files_at(place);
  if (!files) return;
  ++found_.looked_at;
  const auto seen = files->look(place.path);
  if (!seen) {
    found_.unseen(shown(seen.error().message));
    return;
  }
  if (!*seen) {
    const bool fifo = file.mode && S_ISFIFO(*file.mode);
    found_.add({"file-missing", fifo ? "fifo" : ""}, fmt::format("{}, {}", name, holder),
               {{"path", name}, {"id", fmt::format("{:#x}", id)}});
    return;
  }
  compare(*files, place.path, file, **seen, holder);
  const bool writes = (file.flags & O_ACCMODE) != O_RDONLY;
  if (writes && S_ISREG((*seen)->mode) && files->is_read_only(place.path))
    found_.add({"file-read-only"}, fmt::format("{}, {}", name, holder), {{"path", name}});
}

// The dump left another name for it beside the file's place.
void FileCheck::remap(const Remap& remap) {
  const RegularFile* file = view_.checkpoint.regular(remap.file);
  const RegularFile* link = view_.checkpoint.regular(remap.other);
  if (!file || !link) return;
  const Location place =
      locate(view_, link->mount, link->path.starts_with('/') ? link->path : "/" + link->path);
  const Files* files = files_at(place);
  if (!files) return;
  ++found_.looked_at;
  const auto seen = files->look(place.path);
  const std::string holder = holder_of(view_.checkpoint, remap.file);
  if (!seen)
    found_.unseen(shown(seen.error().message));
  else if (!*seen)
    found_.add({"link-missing"}, fmt::format("{} for {}, {}", shown(link->path), shown(file->path), holder),
               {{"link", shown(link->path)}, {"path", shown(file->path)}});
  else
    compare(*files, place.path, *file, **seen, holder);
}

// It gets a name for a moment, also where its content is in the images.
void FileCheck::nameless(std::uint32_t id, const RegularFile& file) {
  const std::string path = file.path.starts_with('/') ? file.path : "/" + file.path;
  const Location place = locate(view_, file.mount, path);
  const Files* files = files_at(place);
  if (!files) return;
  const std::string directory = place.path.substr(0, std::max<std::size_t>(place.path.rfind('/'), 1));
  if (files->is_read_only(directory))
    found_.add({"nameless-read-only"},
               fmt::format("{}, {}", shown(file.path), holder_of(view_.checkpoint, id)),
               {{"path", shown(file.path)}});
  const auto remap = remaps_.find(id);
  if (remap == remaps_.end() || remap->second->kind != Remap::Kind::ghost) return;
  const auto image =
      view_.checkpoint.image_sizes.find(fmt::format("ghost-file-{:x}.img", remap->second->other));
  const auto room = files->room(directory);
  if (image == view_.checkpoint.image_sizes.end() || !room) return;
  auto& [free, wanted] = rooms_.try_emplace(room->file_system, room->bytes, 0).first->second;
  wanted += image->second;
}

void FileCheck::watched(std::uint32_t id, const Watch& watch) {
  if (watch.path.empty()) {
    // In a mount namespace that is yet to be made there is no mount to ask.
    if (view_.checkpoint.own(&Objects::mount) || !view_.place.opens) return;
    if (view_.place.opens(watch) == false)
      found_.add({"watched-missing", "handle"},
                 fmt::format("inode {}, {}", watch.inode, holder_of(view_.checkpoint, id)));
    return;
  }
  const Location place = locate(view_, watch.mount, watch.path);
  const Files* files = files_at(place);
  if (!files) return;
  ++found_.looked_at;
  const auto seen = files->look(place.path);
  if (!seen)
    found_.unseen(shown(seen.error().message));
  else if (!*seen)
    found_.add({"watched-missing"}, fmt::format("{}, {}", shown(watch.path), holder_of(view_.checkpoint, id)),
               {{"path", shown(watch.path)}});
}

void FileCheck::rooms() {
  // An image has a head and a record beside the content.
  constexpr std::uint64_t head = 256;
  for (const auto& [file_system, sizes] : rooms_)
    if (const auto& [free, wanted] = sizes; wanted > free + head)
      found_.add({"no-room"}, fmt::format("files without a name of {} bytes, and {} are free", wanted, free));
}

void FileCheck::locked(const FileLock& lock) {
  const auto descriptor = descriptors_.find({lock.pid, lock.descriptor});
  if (descriptor == descriptors_.end() || lock.kind == FileLock::Kind::other) return;
  const std::uint32_t id = descriptor->second;
  const RegularFile* file = view_.checkpoint.regular(id);
  if (!file) return;
  const Location place =
      locate(view_, file->mount, file->path.starts_with('/') ? file->path : "/" + file->path);
  const Files* files = files_at(place);
  if (!files || !files->is_locked(place.path, lock)) return;
  found_.add({"lock-taken", lock.kind == FileLock::Kind::ofd ? "ofd" : ""},
             fmt::format("{}, {}", shown(file->path), holder_of(view_.checkpoint, id)),
             {{"path", shown(file->path)}});
}

void FileCheck::run() {
  const Checkpoint& images = view_.checkpoint;
  std::set<std::uint32_t> others;
  for (const auto& remap : images.remaps) {
    remaps_[remap.file] = &remap;
    if (remap.kind == Remap::Kind::linked) others.insert(remap.other);
  }
  if (!view_.place.files)
    found_.unseen("the files: where the root file system is, nothing says; name it with --image");
  for (const std::uint32_t id : opened_files(images)) {
    const RegularFile* file = images.regular(id);
    const auto known = remaps_.find(id);
    if (!file || others.contains(id)) continue;
    if (known == remaps_.end())
      one(id, *file);
    else if (known->second->kind == Remap::Kind::linked)
      remap(*known->second);
    if (known != remaps_.end() && known->second->kind != Remap::Kind::process) nameless(id, *file);
  }
  rooms();
  if (!images.locks.empty())
    for (const auto& task : images.tasks)
      for (const auto& descriptor : task.descriptors)
        descriptors_[{task.pid, descriptor.number}] = descriptor.file;
  for (const auto& lock : images.locks) locked(lock);
  for (const auto& [id, file] : images.files)
    for (const auto& watch : file.watches) watched(id, watch);
}

}  // namespace

void check_files(const View& view, Findings& found) {
  FileCheck(view, found).run();
}

}  // namespace cg::restore
