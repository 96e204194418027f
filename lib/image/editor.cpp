#include "image/editor.h"

#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <span>

#include "base/file.h"
#include "image/block_file.h"
#include "image/ext2_error.h"
#include "image/lookup.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t chunk_size = 1 << 20;

struct Source {
  UniqueFd fd;
  struct stat info{};
};

struct FilesystemCloser {
  void operator()(ext2_filsys handle) const { ext2fs_free(handle); }
};
using Filesystem = std::unique_ptr<struct_ext2_filsys, FilesystemCloser>;

Result<Source> open_source(const fs::path& path) {
  Source source;
  source.fd.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.fd || fstat(source.fd.get(), &source.info) != 0) return cannot_errno(path.string(), errno);
  if (!S_ISREG(source.info.st_mode)) return refused(path.string() + ": not a regular file");
  return source;
}

// A clone where the file system shares blocks, else a copy that keeps holes.
Result<void> copy_image(const fs::path& from, int to, const std::string& name) {
  UniqueFd in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!in || fstat(in.get(), &info) != 0) return cannot_errno(from.string(), errno);
  if (ioctl(to, FICLONE, in.get()) == 0) return {};
  if (ftruncate(to, info.st_size) != 0) return cannot_errno("writing " + name, errno);
  std::vector<char> buffer(chunk_size);
  for (off_t at = 0; at < info.st_size;) {
    const off_t data = lseek(in.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    at = data < 0 ? at : data;
    off_t end = lseek(in.get(), at, SEEK_HOLE);
    if (end < 0) end = info.st_size;
    while (at < end) {
      const ssize_t got = pread(in.get(), buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at)), at);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return cannot_errno("reading " + from.string(), got < 0 ? errno : EIO);
      for (ssize_t done = 0; done < got;) {
        const ssize_t put = pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done), at + done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return cannot_errno("writing " + name, errno);
        done += put;
      }
      at += got;
    }
  }
  return {};
}

Result<Filesystem> open_for_edit(int fd, const std::string& name) {
  ext2_filsys raw = nullptr;
  const errcode_t code = ext2fs_open(fmt::format("/proc/self/fd/{}", fd).c_str(), EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &raw);
  if (code == EXT2_ET_BAD_MAGIC || code == EXT2_ET_SHORT_READ) return refused(name + ": not an ext2, ext3 or ext4 file system");
  if (code == EXT2_ET_UNSUPP_FEATURE || code == EXT2_ET_RO_UNSUPP_FEATURE)
    return refused(name + ": has file-system features that this libext2fs does not know; it is left alone");
  if (code) return ext2_error(name, code);
  Filesystem handle(raw);
  if (ext2fs_has_feature_journal_needs_recovery(handle->super))
    return refused(name + ": its journal holds changes that are not replayed; run 'e2fsck -p' on it (or unmount it cleanly) first");
  if (handle->super->s_state & EXT2_ERROR_FS) return refused(name + ": is marked as damaged; run 'e2fsck -f' on it first");
  if (!(handle->super->s_state & EXT2_VALID_FS))
    return refused(name + ": was not unmounted cleanly, or is mounted now; unmount it or run 'e2fsck -p' on it first");
  if (ext2fs_has_feature_journal_dev(handle->super)) return refused(name + ": a journal device, not a file system");
  CG_EXT2(name + ": reading its bitmaps", ext2fs_read_bitmaps(handle.get()));
  return handle;
}

class Editor {
 public:
  Editor(ext2_filsys handle, std::string name, const InjectOptions& options) : fs_(handle), name_(std::move(name)), options_(options), free_at_start_(ext2fs_free_blocks_count(handle->super) * handle->blocksize) {}

  Result<InjectedFile> inject(const Injection& injection, Source& source);

 private:
  std::string what(std::string_view path) const { return fmt::format("{}: {}", name_, path); }
  std::int64_t time_of(const Source& source) const {
    const std::int64_t own = source.info.st_mtim.tv_sec;
    return options_.source_date_epoch ? std::min(own, *options_.source_date_epoch) : own;
  }
  Result<void> link(ext2_ino_t directory, const std::string& name, ext2_ino_t inode, int type, const std::string& path);
  Result<ext2_ino_t> make_directory(ext2_ino_t parent, const std::string& name, std::int64_t time, const std::string& path);
  Result<void> write_data(ext2_ino_t number, Source& source, const std::string& path);
  Result<void> drop_name(ext2_ino_t number, const std::string& path);
  Error no_room(const std::string& path, const Source& source) const;

  ext2_filsys fs_;
  std::string name_;
  const InjectOptions& options_;
  std::uint64_t free_at_start_;  // bytes
};

Error Editor::no_room(const std::string& path, const Source& source) const {
  return {ErrorKind::refused, fmt::format("{}: no room for {} ({} bytes; {} bytes were free); the image is unchanged", name_, path,
                                          source.info.st_size, free_at_start_)};
}

void put_time(ext2_inode_large& inode, std::int64_t time) {
  inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = static_cast<__u32>(time);
  const auto low = static_cast<std::int32_t>(time);
  const auto extra = static_cast<__u32>((time - low) >> 32 & 3);
  inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = inode.i_crtime_extra = extra;
}

Result<void> Editor::link(ext2_ino_t directory, const std::string& name, ext2_ino_t inode, int type, const std::string& path) {
  errcode_t code = ext2fs_link(fs_, directory, name.c_str(), inode, type);
  if (code == EXT2_ET_DIR_NO_SPACE) {
    CG_EXT2(what(path), ext2fs_expand_dir(fs_, directory));
    code = ext2fs_link(fs_, directory, name.c_str(), inode, type);
  }
  if (code) return ext2_error(what(path), code);
  return {};
}

Result<ext2_ino_t> Editor::make_directory(ext2_ino_t parent, const std::string& name, std::int64_t time, const std::string& path) {
  ext2_ino_t made = 0;
  CG_EXT2(what(path), ext2fs_new_inode(fs_, parent, LINUX_S_IFDIR | 0755, nullptr, &made));
  errcode_t code = ext2fs_mkdir(fs_, parent, made, name.c_str());
  if (code == EXT2_ET_DIR_NO_SPACE) {
    CG_EXT2(what(path), ext2fs_expand_dir(fs_, parent));
    code = ext2fs_mkdir(fs_, parent, made, name.c_str());
  }
  if (code) return ext2_error(what(path), code);
  ext2_inode_large inode{};
  CG_EXT2(what(path), ext2fs_read_inode_full(fs_, made, reinterpret_cast<ext2_inode*>(&inode), sizeof inode));
  inode.i_mode = LINUX_S_IFDIR | 0755;  // whatever the process's umask
  put_time(inode, time);
  CG_EXT2(what(path), ext2fs_write_inode_full(fs_, made, reinterpret_cast<ext2_inode*>(&inode), sizeof inode));
  return made;
}

// One name of the inode is gone; with the last one go its blocks, its attribute block and itself.
Result<void> Editor::drop_name(ext2_ino_t number, const std::string& path) {
  ext2_inode_large inode{};
  auto* const plain = reinterpret_cast<ext2_inode*>(&inode);
  CG_EXT2(what(path), ext2fs_read_inode_full(fs_, number, plain, sizeof inode));
  if (inode.i_links_count > 1) {
    --inode.i_links_count;
    CG_EXT2(what(path), ext2fs_write_inode_full(fs_, number, plain, sizeof inode));
    return {};
  }
  inode.i_links_count = 0;
  inode.i_dtime = static_cast<__u32>(fs_->now ? fs_->now : time(nullptr));
  CG_EXT2(what(path), ext2fs_free_ext_attr(fs_, number, &inode));
  if (ext2fs_inode_has_valid_blocks2(fs_, plain)) CG_EXT2(what(path), ext2fs_punch(fs_, number, plain, nullptr, 0, ~0ULL));
  CG_EXT2(what(path), ext2fs_write_inode_full(fs_, number, plain, sizeof inode));
  ext2fs_inode_alloc_stats2(fs_, number, -1, 0);
  return {};
}

Result<void> Editor::write_data(ext2_ino_t number, Source& source, const std::string& path) {
  ext2_file_t file = nullptr;
  CG_EXT2(what(path), ext2fs_file_open(fs_, number, EXT2_FILE_WRITE, &file));
  struct Closer {
    ext2_file_t file;
    ~Closer() {
      if (file) ext2fs_file_close(file);
    }
  } closer{file};
  const auto size = static_cast<std::uint64_t>(source.info.st_size);
  std::vector<std::byte> buffer(chunk_size);
  const std::size_t step = fs_->blocksize;
  for (std::uint64_t at = 0; at < size;) {
    const ssize_t got = pread(source.fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), size - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_errno("reading the source of " + path, errno);
    if (got == 0) return cannot(fmt::format("the source of {} became shorter while it was read", path));
    const auto chunk = std::span(buffer).first(static_cast<std::size_t>(got));
    for (std::size_t from = 0; from < chunk.size();) {
      std::size_t to = from;
      while (to < chunk.size() && !is_zero(chunk.subspan(to, std::min(step, chunk.size() - to)))) to = std::min(to + step, chunk.size());
      if (to > from) {
        CG_EXT2(what(path), ext2fs_file_llseek(file, at + from, EXT2_SEEK_SET, nullptr));
        unsigned put = 0;
        const errcode_t code = ext2fs_file_write(file, chunk.data() + from, static_cast<unsigned>(to - from), &put);
        if (code == EXT2_ET_BLOCK_ALLOC_FAIL) return std::unexpected(no_room(path, source));
        if (code) return ext2_error(what(path), code);
      }
      from = std::min(to + step, chunk.size());
    }
    at += static_cast<std::uint64_t>(got);
  }
  CG_EXT2(what(path), ext2fs_file_set_size2(file, static_cast<ext2_off64_t>(size)));
  closer.file = nullptr;
  CG_EXT2(what(path), ext2fs_file_close(file));
  return {};
}

Result<InjectedFile> Editor::inject(const Injection& injection, Source& source) {
  std::string path = injection.destination;
  if (path.ends_with('/')) path += injection.source.filename().string();
  auto place = look_up(fs_, path, FinalLink::follow);
  if (!place) return std::unexpected(Error{place.error().kind, fmt::format("{}: {}", name_, place.error().message)});
  if (place->missing.empty()) {
    ext2_inode here{};
    CG_EXT2(what(path), ext2fs_read_inode(fs_, place->inode, &here));
    if (LINUX_S_ISDIR(here.i_mode)) {
      path += "/" + injection.source.filename().string();
      place = look_up(fs_, path, FinalLink::follow);
      if (!place) return std::unexpected(Error{place.error().kind, fmt::format("{}: {}", name_, place.error().message)});
    }
  }
  InjectedFile result{.path = path, .bytes = static_cast<std::uint64_t>(source.info.st_size)};
  ext2_inode_large old{};
  if (place->missing.empty()) {
    CG_EXT2(what(path), ext2fs_read_inode_full(fs_, place->inode, reinterpret_cast<ext2_inode*>(&old), sizeof old));
    if (!LINUX_S_ISREG(old.i_mode)) return refused(what(path) + ": is no regular file; it is not replaced");
    result.replaced = true;
  }
  ext2_ino_t directory = result.replaced ? place->parent : place->inode;
  const std::string name = result.replaced ? place->name : place->missing.back();
  if (!result.replaced) {
    ext2_inode here{};
    CG_EXT2(what(path), ext2fs_read_inode(fs_, directory, &here));
    if (!LINUX_S_ISDIR(here.i_mode)) return refused(what(path) + ": lies below something that is no directory");
    for (std::size_t i = 0; i + 1 < place->missing.size(); ++i) {
      CG_TRY(made, make_directory(directory, place->missing[i], time_of(source), path));
      directory = made;
    }
  }
  // The old file goes first: its blocks may be what the new one needs.
  if (result.replaced) {
    CG_EXT2(what(path), ext2fs_unlink(fs_, directory, name.c_str(), 0, 0));
    CG_CHECK(drop_name(place->inode, path));
  }
  ext2_ino_t number = 0;
  const unsigned mode = LINUX_S_IFREG | (injection.mode ? *injection.mode : result.replaced ? old.i_mode & 07777U : source.info.st_mode & 07777U);
  const errcode_t code = ext2fs_new_inode(fs_, directory, static_cast<int>(mode), nullptr, &number);
  if (code == EXT2_ET_INODE_ALLOC_FAIL) return refused(fmt::format("{}: no inode is free for {}; the image is unchanged", name_, path));
  if (code) return ext2_error(what(path), code);
  ext2fs_inode_alloc_stats2(fs_, number, +1, 0);
  ext2_inode_large inode{};
  inode.i_mode = static_cast<__u16>(mode);
  const std::uint32_t uid = injection.uid.value_or(result.replaced ? old.i_uid | static_cast<std::uint32_t>(old.osd2.linux2.l_i_uid_high) << 16 : 0);
  const std::uint32_t gid = injection.gid.value_or(result.replaced ? old.i_gid | static_cast<std::uint32_t>(old.osd2.linux2.l_i_gid_high) << 16 : 0);
  inode.i_uid = static_cast<__u16>(uid);
  inode.osd2.linux2.l_i_uid_high = static_cast<__u16>(uid >> 16);
  inode.i_gid = static_cast<__u16>(gid);
  inode.osd2.linux2.l_i_gid_high = static_cast<__u16>(gid >> 16);
  inode.i_links_count = 1;
  inode.i_extra_isize = static_cast<__u16>(EXT2_INODE_SIZE(fs_->super) > EXT2_GOOD_OLD_INODE_SIZE ? sizeof inode - EXT2_GOOD_OLD_INODE_SIZE : 0);
  put_time(inode, time_of(source));
  if (ext2fs_has_feature_extents(fs_->super)) inode.i_flags |= EXT4_EXTENTS_FL;
  CG_EXT2(what(path), ext2fs_write_new_inode(fs_, number, reinterpret_cast<ext2_inode*>(&inode)));
  CG_EXT2(what(path), ext2fs_write_inode_full(fs_, number, reinterpret_cast<ext2_inode*>(&inode), sizeof inode));
  if (ext2fs_has_feature_extents(fs_->super)) {
    ext2_extent_handle_t extents = nullptr;
    CG_EXT2(what(path), ext2fs_extent_open2(fs_, number, reinterpret_cast<ext2_inode*>(&inode), &extents));
    ext2fs_extent_free(extents);
    CG_EXT2(what(path), ext2fs_write_inode_full(fs_, number, reinterpret_cast<ext2_inode*>(&inode), sizeof inode));
  }
  CG_CHECK(write_data(number, source, path));
  CG_CHECK(link(directory, name, number, EXT2_FT_REG_FILE, path));
  return result;
}

}  // namespace

Result<std::vector<InjectedFile>> inject(const fs::path& image, const std::vector<Injection>& injections, const InjectOptions& options) {
  std::vector<Source> sources;
  for (const Injection& injection : injections) {
    CG_TRY(source, open_source(injection.source));
    sources.push_back(std::move(source));
  }
  // A link to the image stays a link; what it names is replaced.
  std::error_code error;
  const fs::path target = fs::canonical(image, error);
  struct stat info{};
  if (error || stat(target.c_str(), &info) != 0) return cannot(image.string() + ": " + (error ? error.message() : "cannot be read"));
  if (!S_ISREG(info.st_mode)) return refused(image.string() + ": not a regular file");
  CG_TRY(copy, AtomicFile::create(target, info.st_mode & 07777));
  CG_CHECK(copy_image(target, copy.fd(), copy.path().string()));
  CG_TRY(handle, open_for_edit(copy.fd(), image.string()));
  std::int64_t latest = 1;
  for (const Source& source : sources) latest = std::max<std::int64_t>(latest, source.info.st_mtim.tv_sec);
  if (options.source_date_epoch) handle->now = std::max<std::int64_t>(1, std::min(latest, *options.source_date_epoch));

  Editor editor(handle.get(), image.string(), options);
  std::vector<InjectedFile> results;
  for (std::size_t i = 0; i < injections.size(); ++i) {
    CG_TRY(result, editor.inject(injections[i], sources[i]));
    results.push_back(std::move(result));
  }
  // The copy is synced as a whole below.
  CG_EXT2("writing " + image.string(), ext2fs_close2(handle.get(), EXT2_FLAG_FLUSH_NO_SYNC));
  (void)handle.release();
  CG_CHECK(copy.commit());
  return results;
}

}  // namespace cg::image
