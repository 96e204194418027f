// What is appended begins at a multiple of 4. Where the archive before it is in LZ4's legacy frame, which has
// no end of its own, four zeros at least come first: the kernel takes them as its end.
#include "image/initrd/edit.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"
#include "image/bytes/image_lock.h"
#include "image/bytes/undo_journal.h"
#include "image/initrd/editor.h"
#include "image/initrd/writer.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

// Not the clock: the same edit of the same initrd gives the same bytes.
std::int64_t time_of_edit(const InitrdArchive& archive, const std::vector<SourceFile>& sources,
                          std::optional<std::int64_t> newest) {
  std::int64_t now = archive.tree().newest();
  for (const SourceFile& source : sources)
    if (source.fd) now = std::max<std::int64_t>(now, source.info.st_mtim.tv_sec);
  return newest ? std::min(now, *newest) : now;
}

std::uint64_t padding(std::uint64_t bytes, const InitrdArchive& archive) {
  const std::uint64_t zeros = (4 - bytes % 4) % 4;
  return archive.members().back().codec == Codec::lz4 ? zeros + 4 : zeros;
}

Result<void> write_entries(const FileTree& tree, const std::vector<InitrdEditor::Entry>& entries, int fd,
                           const std::string& name, Compression compression) {
  InitrdWriter writer(fd, name, compression);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [path, index, detach] = entries[i];
    const FileNode& node = tree.at(index);
    if (detach) {
      const Metadata placeholder{.type = NodeType::fifo, .mode = 0600, .mtime = node.meta.mtime};
      CG_CHECK(writer.add(path, {.inode = 0, .meta = placeholder, .size = 0, .links = 1}, {}));
    }
    // As a file with one name: written through this one, its other names keep leading to it.
    CG_CHECK(writer.add(path, {.inode = 0, .meta = node.meta, .size = node.size, .links = 1},
                        [&](const ImageFiles::Sink& sink) { return tree.read(index, sink); }));
  }
  return writer.end();
}

class InitrdEdit {
 public:
  InitrdEdit(const EditTarget& target, InitrdArchive archive, const EditOptions& options)
      : target_(target), archive_(std::move(archive)), options_(options) {}

  Result<EditSummary> run(const std::vector<Change>& changes, std::vector<SourceFile>& sources);

 private:
  Compression compression() const {
    return options_.compression.value_or(compression_like(archive_.members()));
  }
  Result<void> append_to(int fd, const std::string& name);
  Result<void> as_copy();
  Result<void> in_place();

  const EditTarget& target_;
  InitrdArchive archive_;
  const EditOptions& options_;
  std::vector<InitrdEditor::Entry> entries_;
};

Result<void> InitrdEdit::append_to(int fd, const std::string& name) {
  const std::uint64_t old = target_.disk.size();
  if (lseek(fd, static_cast<off_t>(old), SEEK_SET) < 0) return cannot_errno("writing " + name, errno);
  CG_CHECK(write_all(fd, std::string(padding(old, archive_), '\0'), name));
  CG_CHECK(write_entries(archive_.tree(), entries_, fd, name, compression()));
  // What a guest will read: once more.
  CG_TRY(whole, FileDevice::of(fd, target_.disk.name()));
  Window added(whole, old + padding(old, archive_), whole.size() - old - padding(old, archive_));
  CG_TRY(again, InitrdArchive::read(added));
  return again.members().back().trailer ? Result<void>{} : cannot(name + ": what was written does not end");
}

Result<void> InitrdEdit::as_copy() {
  struct stat info {};
  if (fstat(target_.fd, &info) != 0) return cannot_errno(target_.image.string(), errno);
  CG_TRY(copy, AtomicFile::create(target_.image, info.st_mode & 07777));
  if (info.st_uid != geteuid() || info.st_gid != getegid())
    (void)!fchown(copy.fd(), info.st_uid, info.st_gid);
  const std::string name = copy.name();
  if (options_.initrd == EditOptions::Initrd::repack) {
    CG_CHECK(write_repacked(archive_, target_.disk, copy.fd(), {compression(), {}}));
    CG_TRY(whole, FileDevice::of(copy.fd(), target_.disk.name()));
    CG_CHECK(InitrdArchive::read(whole));
  } else {
    CG_CHECK(copy_image(target_.fd, copy.fd(), target_.disk.name(), name));
    CG_CHECK(append_to(copy.fd(), name));
  }
  return copy.commit();
}

// Nothing of the old bytes is overwritten, so that the journal only has to know where they end.
Result<void> InitrdEdit::in_place() {
  if (options_.initrd == EditOptions::Initrd::repack)
    return usage_error("--repack writes the initrd anew; it cannot be done --in-place");
  std::array<std::byte, 1024> front;
  if (target_.disk.size() < front.size())
    return refused(target_.disk.name() + ": too small to be changed in place; leave out --in-place");
  CG_CHECK(target_.disk.read(0, front));
  UndoIdentity identity;
  for (const std::size_t state : {0U, 1U, 2U}) identity.set(state, front);
  const auto journal = undo_journal_path(target_.image);
  CG_CHECK(write_undo_journal(journal, target_.disk, identity, {}));
  auto written = append_to(target_.fd, target_.disk.name());
  if (written && fsync(target_.fd) != 0) written = cannot_errno("writing " + target_.disk.name(), errno);
  if (!written) {
    auto undone = replay_undo_journal(journal, target_.fd, target_.disk.name());
    if (undone) undone = remove_undo_journal(journal);
    const Error& error = written.error();
    if (!undone)
      return cannot(
          fmt::format("{}; and what was appended could not be cut off ({}); the next rootfs-builder "
                      "command on it tries again",
                      error.message, undone.error().message));
    return std::unexpected(Error{error.kind, error.message + "; the image is as it was"});
  }
  return remove_undo_journal(journal);
}

Result<EditSummary> InitrdEdit::run(const std::vector<Change>& changes, std::vector<SourceFile>& sources) {
  const bool repack = options_.initrd == EditOptions::Initrd::repack;
  if (repack && archive_.lost_entries())
    return refused(
        fmt::format("{}: has entries that the kernel does not unpack, and that --repack would lose; "
                    "'verify' names them",
                    target_.disk.name()));
  InitrdEditor editor({.archive = archive_,
                       .name = target_.disk.name(),
                       .way = repack ? InitrdEditor::Way::repack : InitrdEditor::Way::append,
                       .now = time_of_edit(archive_, sources, options_.source_date_epoch),
                       .newest = options_.source_date_epoch});
  EditSummary summary;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CG_TRY(changed, editor.apply(changes[i], sources[i].fd ? &sources[i] : nullptr));
    summary.changes.push_back(std::move(changed));
  }
  entries_ = editor.entries();
  if (entries_.empty() && !repack) return summary;
  const bool copy = options_.mode == EditMode::copy;
  CG_CHECK(copy ? as_copy() : in_place());
  return summary;
}

}  // namespace

Result<EditSummary> edit_initrd(const EditTarget& target, const std::vector<Change>& changes,
                                std::vector<SourceFile>& sources, const EditOptions& options) {
  CG_TRY(archive, InitrdArchive::read(target.disk));
  return InitrdEdit(target, std::move(archive), options).run(changes, sources);
}

}  // namespace cg::image
