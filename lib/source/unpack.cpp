#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/text.h"
#include "compress/archive_decoders.h"
#include "source/source.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

struct ReadFree {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};
struct WriteFree {
  void operator()(struct archive* writer) const { archive_write_free(writer); }
};

std::string reason(struct archive* reader) {
  const char* text = archive_error_string(reader);
  return text ? text : "unknown error";
}

// The components of a name, without "." and with `strip` leading ones gone; refused when it is absolute or
// has "..". Empty: nothing is left of it.
Result<fs::path> stripped(const std::string& name, int strip) {
  if (name.starts_with('/')) return refused(fmt::format("'{}' is an absolute name", name));
  fs::path result;
  for (const auto& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused(fmt::format("'{}' leads out of the tree", name));
    if (strip > 0)
      --strip;
    else
      result /= part;
  }
  return result;
}

// Whether a link in directory `from` (relative to the tree's top) stays in the tree, read as text.
bool stays_inside(const fs::path& from, const std::string& target) {
  if (target.starts_with('/')) return false;
  int depth = static_cast<int>(std::distance(from.begin(), from.end()));
  for (const auto& part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

// Gives the entry its place under `top`, or says why it must not be there. False: nothing of it is to be
// written.
Result<bool> place_entry(struct archive_entry* entry, const fs::path& top, int strip, OutsideLinks links) {
  const char* raw = archive_entry_pathname(entry);
  if (!raw) return refused("an entry without a readable name");
  const std::string name = raw;
  CG_TRY(path, stripped(name, strip));
  if (path.empty()) return false;
  const auto type = archive_entry_filetype(entry);
  if (const char* target = archive_entry_hardlink(entry)) {
    const std::string text = target;
    auto inside = stripped(text, strip);
    if (!inside || inside->empty())
      return refused(fmt::format("'{}' is a hard link out of the tree, to '{}'", name, text));
    archive_entry_set_hardlink(entry, (top / *inside).c_str());
  } else if (type == AE_IFLNK) {
    const char* symlink = archive_entry_symlink(entry);
    if (!symlink) return refused(fmt::format("'{}' is a link without a readable target", name));
    if (links == OutsideLinks::refuse && !stays_inside(path.parent_path(), symlink))
      return refused(fmt::format("'{}' is a symbolic link out of the tree, to '{}'", name, symlink));
  } else if (type != AE_IFREG && type != AE_IFDIR) {
    return refused(fmt::format("'{}' is neither file, directory nor link", name));
  }
  // Owner and setuid bits of a stranger's archive are of no use in a source tree; what we unpack we can also
  // remove.
  archive_entry_set_perm(entry, (archive_entry_perm(entry) & 0777) | (type == AE_IFDIR ? 0700 : 0600));
  archive_entry_set_pathname(entry, (top / path).c_str());
  return true;
}

Result<void> copy_data(struct archive* reader, struct archive* writer, const std::string& archive) {
  for (;;) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader, &bytes, &size, &offset);
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN) return refused(fmt::format("{}: {}", archive, reason(reader)));
    if (archive_write_data_block(writer, bytes, size, offset) < 0)
      return cannot(fmt::format("unpacking {}: {}", archive, reason(writer)));
  }
}

Result<void> unpack_into(const fs::path& archive, const fs::path& top, int strip, OutsideLinks links) {
  const std::unique_ptr<struct archive, ReadFree> reader(archive_read_new());
  CG_CHECK(support_decoders(reader.get()));
  archive_read_support_format_tar(reader.get());
  const std::unique_ptr<struct archive, WriteFree> writer(archive_write_disk_new());
  // SECURE_SYMLINKS looks at every component of a name; it would stumble over a link in our own part of the
  // path, so `top` is canonical.
  archive_write_disk_set_options(writer.get(), ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM |
                                                   ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                   ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  const std::string name = archive.string();
  if (archive_read_open_filename(reader.get(), archive.c_str(), 1 << 18) != ARCHIVE_OK)
    return refused(fmt::format("{}: not a tar archive: {}", name, reason(reader.get())));
  std::size_t written = 0;
  for (bool first = true;; first = false) {
    struct archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN)
      return refused(fmt::format("{}: {}{}", name, first ? "not a tar archive: " : "", reason(reader.get())));
    auto wanted = place_entry(entry, top, strip, links);
    if (!wanted) return refused(fmt::format("{}: {}; nothing was unpacked", name, wanted.error().message));
    if (!*wanted) continue;
    const bool is_link = archive_entry_hardlink(entry) != nullptr;
    if (archive_write_header(writer.get(), entry) < ARCHIVE_WARN) {
      // A full disk or a missing permission is ours; names that contradict each other are the archive's
      // fault.
      const int number = archive_errno(writer.get());
      const bool ours = number == ENOSPC || number == EDQUOT || number == EACCES || number == EROFS ||
                        number == EIO || number == EMFILE;
      const std::string text = fmt::format("unpacking {}: {}", name, reason(writer.get()));
      return std::unexpected(Error{ours ? ErrorKind::cannot : ErrorKind::refused, text});
    }
    if (!is_link && archive_entry_filetype(entry) == AE_IFREG)
      CG_CHECK(copy_data(reader.get(), writer.get(), name));
    if (archive_write_finish_entry(writer.get()) < ARCHIVE_WARN)
      return cannot(fmt::format("unpacking {}: {}", name, reason(writer.get())));
    ++written;
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK)
    return cannot(fmt::format("unpacking {}: {}", name, reason(writer.get())));
  if (written == 0) return refused(fmt::format("{}: not a tar archive, or nothing in it", name));
  return {};
}

}  // namespace

Result<void> unpack(const fs::path& archive, const fs::path& directory, int strip, OutsideLinks links) {
  std::error_code error;
  const fs::path parent = fs::absolute(directory).parent_path();
  CG_CHECK(make_directories(parent));
  CG_TRY(lock, FileLock::acquire(parent / ("." + directory.filename().string() + ".lock")));
  if (fs::is_directory(directory, error)) return {};
  const fs::path beside = fs::canonical(parent, error) / ("." + directory.filename().string() + ".unpacking");
  if (error) return cannot(fmt::format("{}: {}", parent.string(), error.message()));
  fs::remove_all(beside, error);  // what an interrupted run left
  CG_CHECK(make_directories(beside));
  auto result = unpack_into(archive, beside, strip, links);
  if (result) {
    fs::rename(beside, directory, error);
    if (error)
      result =
          cannot(fmt::format("renaming {} to {}: {}", beside.string(), directory.string(), error.message()));
  }
  if (!result) fs::remove_all(beside, error);
  return result;
}

}  // namespace cg
