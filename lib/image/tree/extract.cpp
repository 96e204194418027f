#include "image/tree/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <set>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "image/bytes/block_file.h"
#include "image/tree/content_budget.h"
#include "image/tree/pax_stream.h"
#include "image/tree/posix_acl.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

struct ArchiveCloser {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
struct EntryCloser {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

enum class Names { ascii, bytes };

// One that the kernel would take. Another stays the attribute that it is.
bool can_be_acl(const Xattr& xattr) {
  if (xattr.name != access_acl && xattr.name != default_acl) return false;
  const auto items = acl_items(xattr.value);
  return items && check_acl(*items, "");
}

// A file with fewer bytes of holes is written in full: every tar reads that, and not every one knows maps.
constexpr std::uint64_t least_holes = 1 << 20;

class TarWriter {
 public:
  TarWriter(const ImageFiles& image, int fd, std::string name, Names names)
      : image_(image), name_(std::move(name)), stream_(fd, name_), handle_(archive_write_new()) {
    if (!handle_) throw std::bad_alloc();
    archive_write_set_format_pax(handle_.get());
    // Names are bytes, and a tar that has others than ASCII says so ("hdrcharset=BINARY"): libarchive would
    // else change some of them, and a hard link then leads nowhere. GNU tar warns of that word at every
    // entry, so it is not said where it has nothing to say.
    archive_write_set_options(
        handle_.get(), names == Names::bytes ? "hdrcharset=BINARY,xattrheader=SCHILY" : "xattrheader=SCHILY");
    archive_write_set_bytes_in_last_block(handle_.get(), 1);
    if (archive_write_open(handle_.get(), this, nullptr, write_some, nullptr) != ARCHIVE_OK) failed_ = true;
  }

  Result<void> add(const std::string& path, const FileInfo& info) {
    if (info.meta.type == NodeType::socket) return {};
    const std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
    if (!entry) throw std::bad_alloc();
    const std::string inside = path == "/" ? "." : path.substr(1);
    archive_entry_set_pathname(entry.get(), inside.c_str());
    archive_entry_set_filetype(entry.get(), type_bits(info.meta.type));
    archive_entry_set_perm(entry.get(), static_cast<mode_t>(info.meta.mode));
    archive_entry_set_uid(entry.get(), info.meta.uid);
    archive_entry_set_gid(entry.get(), info.meta.gid);
    archive_entry_set_mtime(entry.get(), info.meta.mtime.seconds,
                            static_cast<long>(info.meta.mtime.nanoseconds));
    archive_entry_set_size(entry.get(), 0);
    bool with_data = false;
    std::vector<DataRange> ranges;
    const auto [first, is_first] = info.links > 1 && info.meta.type != NodeType::directory
                                       ? names_.try_emplace(info.inode, inside)
                                       : std::pair{names_.end(), true};
    if (!is_first) {
      archive_entry_set_hardlink(entry.get(), first->second.c_str());
    } else {
      if (info.meta.type == NodeType::symlink)
        archive_entry_set_symlink(entry.get(), info.meta.target.c_str());
      if (info.meta.type == NodeType::character_device || info.meta.type == NodeType::block_device) {
        archive_entry_set_rdevmajor(entry.get(), info.meta.device_major);
        archive_entry_set_rdevminor(entry.get(), info.meta.device_minor);
      }
      CG_TRY(xattrs, image_.xattrs(path));
      for (const Xattr& xattr : xattrs)
        if (can_be_acl(xattr))
          add_acl(entry.get(), xattr);
        else
          archive_entry_xattr_add_entry(entry.get(), xattr.name.c_str(), xattr.value.data(),
                                        xattr.value.size());
      with_data = info.meta.type == NodeType::regular;
      if (with_data) {
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(info.size));
        CG_TRY(found, image_.data(path));
        ranges = std::move(found);
        CG_CHECK(budget_.take(path, ranges));
        add_holes(entry.get(), ranges, info.size);
      }
    }
    CG_CHECK(check(archive_write_header(handle_.get(), entry.get())));
    if (!with_data) return {};
    std::uint64_t done = 0;
    CG_CHECK(image_.read(path, ranges, [&](std::uint64_t offset, std::string_view piece) -> Result<void> {
      CG_CHECK(put_zeros(offset - done));
      done = offset + piece.size();
      return put(piece);
    }));
    return put_zeros(info.size - done);
  }

  Result<void> finish() {
    CG_CHECK(check(archive_write_close(handle_.get())));
    return stream_.end();
  }

 private:
  static la_ssize_t write_some(archive* handle, void* self, const void* bytes, std::size_t count) {
    auto& writer = *static_cast<TarWriter*>(self);
    auto written = writer.stream_.write({static_cast<const char*>(bytes), count});
    if (written) return static_cast<la_ssize_t>(count);
    archive_set_error(handle, EIO, "failed");
    writer.error_ = std::move(written);
    return -1;
  }
  // GNU tar restores an ACL that is written as such, and passes over one that is an attribute.
  void add_acl(archive_entry* entry, const Xattr& xattr) const {
    const bool is_default = xattr.name == default_acl;
    const auto items = acl_items(xattr.value);
    if (!items) return;
    static constexpr std::pair<std::uint16_t, int> tags[] = {{acl_owner, ARCHIVE_ENTRY_ACL_USER_OBJ},
                                                             {acl_user, ARCHIVE_ENTRY_ACL_USER},
                                                             {acl_owning_group, ARCHIVE_ENTRY_ACL_GROUP_OBJ},
                                                             {acl_group, ARCHIVE_ENTRY_ACL_GROUP},
                                                             {acl_mask, ARCHIVE_ENTRY_ACL_MASK},
                                                             {acl_other, ARCHIVE_ENTRY_ACL_OTHER}};
    for (const AclItem& item : *items) {
      const auto known = std::ranges::find(tags, item.tag, &std::pair<std::uint16_t, int>::first);
      if (known == std::end(tags)) continue;
      const bool named = item.tag == acl_user || item.tag == acl_group;
      archive_entry_acl_add_entry(entry,
                                  is_default ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS,
                                  item.permissions, known->second, named ? static_cast<int>(item.id) : -1,
                                  named ? std::to_string(item.id).c_str() : nullptr);
    }
  }
  // GNU tar's and libarchive's map of a sparse file; the bytes of holes are handed over all the same.
  static void add_holes(archive_entry* entry, const std::vector<DataRange>& ranges, std::uint64_t size) {
    std::uint64_t bytes = 0;
    for (const DataRange& range : ranges) bytes += range.bytes;
    if (bytes + least_holes > size) return;
    for (const DataRange& range : ranges)
      archive_entry_sparse_add_entry(entry, static_cast<la_int64_t>(range.offset),
                                     static_cast<la_int64_t>(range.bytes));
    // A file that is nothing but a hole: an empty piece at its end says so.
    if (ranges.empty() && size > 0) archive_entry_sparse_add_entry(entry, static_cast<la_int64_t>(size), 0);
  }
  Result<void> put(std::string_view bytes) {
    return check(archive_write_data(handle_.get(), bytes.data(), bytes.size()) ==
                         static_cast<la_ssize_t>(bytes.size())
                     ? ARCHIVE_OK
                     : ARCHIVE_FATAL);
  }
  // Of a hole libarchive counts the bytes and does not look at them, so large pieces cost nothing.
  Result<void> put_zeros(std::uint64_t count) {
    if (count > 0 && !zeros_) zeros_.reset(static_cast<char*>(std::calloc(zeros_bytes, 1)));
    if (count > 0 && !zeros_) throw std::bad_alloc();
    for (; count > 0; count -= std::min<std::uint64_t>(count, zeros_bytes))
      CG_CHECK(put({zeros_.get(), std::min<std::uint64_t>(count, zeros_bytes)}));
    return {};
  }
  Result<void> check(int code) {
    if (!failed_ && (code == ARCHIVE_OK || code == ARCHIVE_WARN)) return {};
    if (!error_) return error_;
    const char* const text = archive_error_string(handle_.get());
    return cannot(fmt::format("writing {}: {}", name_, text ? text : "failed"));
  }

  const ImageFiles& image_;
  std::string name_;
  PaxStream stream_;
  Result<void> error_;  // of writing
  std::unique_ptr<archive, ArchiveCloser> handle_;
  bool failed_ = false;
  ContentBudget budget_{image_};
  static constexpr std::size_t zeros_bytes = 64 << 20;
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> zeros_;           // pages that nobody touches take no memory
  std::map<std::uint32_t, std::string> names_;  // of files with more than one
};

class FileWriter {
 public:
  FileWriter(const ImageFiles& image, std::string top, fs::path destination)
      : image_(image), top_(std::move(top)), destination_(std::move(destination)) {}

  // Everything but symbolic links, which come last: so no path ever leads through one.
  Result<void> add(const std::string& path, const FileInfo& info) {
    const fs::path host = host_of(path);
    if (info.links > 1 && info.meta.type != NodeType::directory) {
      const auto [first, is_first] = names_.try_emplace(info.inode, host);
      if (!is_first && info.meta.type == NodeType::symlink) {
        links_.push_back({host, info, first->second});
        return {};
      }
      if (!is_first) {
        if (link(first->second.c_str(), host.c_str()) != 0) return cannot_errno(host.string(), errno);
        return {};
      }
    }
    switch (info.meta.type) {
      case NodeType::symlink:
        links_.push_back({host, info, {}});
        return {};
      case NodeType::directory:
        if (mkdir(host.c_str(), 0700) != 0) return cannot_errno(host.string(), errno);
        directories_.emplace_back(path, info);
        return {};
      case NodeType::regular: {
        UniqueFd fd(open(host.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!fd) return cannot_errno(host.string(), errno);
        CG_CHECK(write_sparse(fd.get(), path, info.size, host.string()));
        break;
      }
      default: {
        const dev_t device = makedev(info.meta.device_major, info.meta.device_minor);
        if (mknod(host.c_str(), static_cast<mode_t>(type_bits(info.meta.type) | 0600), device) != 0) {
          if (errno != EPERM) return cannot_errno(host.string(), errno);
          ++result_.skipped;
          names_.erase(info.inode);
          return {};
        }
      }
    }
    ++result_.files;
    return finish_one(path, host, info);
  }

  Result<Extracted> finish() {
    for (const auto& [host, info, first] : links_) {
      if (!first.empty()) {
        if (linkat(AT_FDCWD, first.c_str(), AT_FDCWD, host.c_str(), 0) != 0)
          return cannot_errno(host.string(), errno);
        continue;
      }
      if (symlink(info.meta.target.c_str(), host.c_str()) != 0) return cannot_errno(host.string(), errno);
      CG_CHECK(put_owner(host, info));
      put_time(host, info);
      ++result_.files;
    }
    for (auto it = directories_.rbegin(); it != directories_.rend(); ++it)
      CG_CHECK(finish_one(it->first, host_of(it->first), it->second));
    return result_;
  }

 private:
  fs::path host_of(const std::string& path) const {
    return path == top_ ? destination_
                        : fs::path(destination_.string() + path.substr(top_ == "/" ? 0 : top_.size()));
  }
  // Blocks of zeros become holes, whether they were or not.
  Result<void> write_sparse(int fd, const std::string& path, std::uint64_t size, const std::string& name) {
    constexpr std::size_t block = 4096;
    CG_TRY(ranges, image_.data(path));
    CG_CHECK(budget_.take(path, ranges));
    CG_CHECK(image_.read(path, ranges, [&](std::uint64_t at, std::string_view piece) -> Result<void> {
      while (!piece.empty()) {
        const auto zeros_at = [&](std::size_t from) {
          return is_zero(std::as_bytes(std::span(piece)).subspan(from, std::min(block, piece.size() - from)));
        };
        const bool zeros = zeros_at(0);
        std::size_t end = std::min(block, piece.size());
        while (end < piece.size() && zeros_at(end) == zeros) end = std::min(end + block, piece.size());
        if (!zeros) {
          if (lseek(fd, static_cast<off_t>(at), SEEK_SET) < 0) return cannot_errno(name, errno);
          CG_CHECK(write_all(fd, piece.substr(0, end), name));
        }
        at += end;
        piece.remove_prefix(end);
      }
      return {};
    }));
    if (ftruncate(fd, static_cast<off_t>(size)) != 0) return cannot_errno(name, errno);
    return {};
  }
  Result<void> put_owner(const fs::path& host, const FileInfo& info) const {
    if (geteuid() == 0 && lchown(host.c_str(), info.meta.uid, info.meta.gid) != 0)
      return cannot_errno(host.string(), errno);
    return {};
  }
  static void put_time(const fs::path& host, const FileInfo& info) {
    const timespec time{info.meta.mtime.seconds, static_cast<long>(info.meta.mtime.nanoseconds)};
    const timespec both[2] = {time, time};
    (void)utimensat(AT_FDCWD, host.c_str(), both, AT_SYMLINK_NOFOLLOW);
  }
  Result<void> finish_one(const std::string& path, const fs::path& host, const FileInfo& info) const {
    CG_CHECK(put_owner(host, info));
    if (chmod(host.c_str(), static_cast<mode_t>(info.meta.mode)) != 0)
      return cannot_errno(host.string(), errno);
    CG_TRY(xattrs, image_.xattrs(path));
    for (const Xattr& xattr : xattrs)
      if (lsetxattr(host.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0 &&
          errno != EPERM && errno != ENOTSUP)
        return cannot_errno(fmt::format("attribute {} of {}", xattr.name, host.string()), errno);
    put_time(host, info);
    return {};
  }

  const ImageFiles& image_;
  std::string top_;
  fs::path destination_;
  ContentBudget budget_{image_};
  std::map<std::uint32_t, fs::path> names_;
  struct Link {
    fs::path host;
    FileInfo info;
    fs::path first;  // another name of this
  };
  std::vector<Link> links_;
  std::vector<std::pair<std::string, FileInfo>> directories_;
  Extracted result_;
};

// Every file system has an empty lost+found of its own: it is not carried over. A failed look at it is no
// answer.
Result<void> add_to(auto& writer, const ImageFiles& image, const std::string& path, const FileInfo& info) {
  if (path == "/lost+found" && info.meta.type == NodeType::directory) {
    CG_TRY(items, image.list(path));
    if (items.empty()) return {};
  }
  return writer.add(path, info);
}

std::string from_root(const std::string& path) {
  std::string clean = fs::path("/" + path).lexically_normal().string();
  if (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  return clean;
}

}  // namespace

Result<void> walk(const ImageFiles& image, const std::string& wanted, const Visitor& visitor) {
  const std::string top = from_root(wanted);
  CG_TRY(info, image.stat(top, LastLink::keep));
  CG_CHECK(visitor(top, info));
  if (info.meta.type != NodeType::directory) return {};
  std::vector<std::string> pending{top};
  // A damaged image may have a directory in itself, or in two places.
  std::set<std::uint32_t> seen{info.inode};
  while (!pending.empty()) {
    const std::string here = std::move(pending.back());
    pending.pop_back();
    CG_TRY(items, image.list(here));
    std::vector<std::string> deeper;
    for (const DirectoryItem& item : items) {
      if (item.name.empty() || item.name.contains('/') || item.name == "." || item.name == "..")
        return refused(
            fmt::format("{}: a damaged directory: {} holds the name '{}'", image.name(), here, item.name));
      const std::string path = here == "/" ? "/" + item.name : here + "/" + item.name;
      CG_CHECK(visitor(path, item.info));
      if (item.info.meta.type != NodeType::directory) continue;
      if (path.size() > limits::path_bytes)
        return refused(fmt::format("{}: directories below each other whose path has more than {} bytes: {}…",
                                   image.name(), limits::path_bytes, path.substr(0, 64)));
      if (!seen.insert(item.info.inode).second)
        return refused(
            fmt::format("{}: a damaged directory: {} is in more than one place", image.name(), path));
      deeper.push_back(path);
    }
    pending.insert(pending.end(), deeper.rbegin(), deeper.rend());
  }
  return {};
}

Result<void> extract_tar(const ImageFiles& image, const std::string& top, int fd, const std::string& name) {
  Names names = Names::ascii;
  const auto is_ascii = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  };
  CG_CHECK(walk(image, top, [&](const std::string& path, const FileInfo& info) -> Result<void> {
    if (!is_ascii(path) || !is_ascii(info.meta.target)) names = Names::bytes;
    return {};
  }));
  TarWriter writer(image, fd, name, names);
  CG_CHECK(walk(image, top, [&](const std::string& path, const FileInfo& info) {
    return add_to(writer, image, path, info);
  }));
  return writer.finish();
}

Result<void> name_new(const fs::path& part, const fs::path& destination) {
  if (renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, destination.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return refused(destination.string() + ": is there already; extract makes it");
  // A file system without the flag (NFS): what came there since the first look is replaced if it is empty.
  if (errno == EINVAL && rename(part.c_str(), destination.c_str()) == 0) return {};
  return cannot_errno(destination.string(), errno);
}

Result<Extracted> extract_files(const ImageFiles& image, const std::string& top,
                                const fs::path& destination) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(destination, error)))
    return refused(destination.string() + ": is there already; extract makes it");
  // Built beside its place, so that nothing half-done appears under the name.
  const fs::path part =
      destination.parent_path() / fmt::format(".{}.{}.part", destination.filename().string(), getpid());
  remove_when_interrupted(part);
  FileWriter writer(image, from_root(top), part);
  auto done = walk(image, top, [&](const std::string& path, const FileInfo& info) {
    return add_to(writer, image, path, info);
  });
  Result<Extracted> result = done ? writer.finish() : Result<Extracted>(std::unexpected(done.error()));
  if (result)
    if (const auto named = name_new(part, destination); !named) result = std::unexpected(named.error());
  if (!result) fs::remove_all(part, error);
  forget_when_interrupted(part);
  return result;
}

}  // namespace cg::image
