#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#include "base/file.h"
#include "image/sources/sources.h"
#include "image/sources/unpack_limit.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

struct ArchiveCloser {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

std::string reason(archive* handle) {
  const char* const text = archive_error_string(handle);
  return text ? text : "damaged, or out of memory";
}

// What the archive is at fault for is refused; a failed read of it is the machine's.
std::unexpected<Error> failed(archive* handle, std::string message) {
  const int code = archive_errno(handle);
  const bool machine = code == EIO || code == ENOMEM || code == ENOSPC || code == EISDIR || code == ENXIO;
  return machine ? cannot(std::move(message)) : refused(std::move(message));
}

// The bytes as they stand in the archive; the UTF-8 form only where a pax header has nothing else to give.
using TextOf = const char* (*)(archive_entry*);
std::string text_of(archive_entry* entry, TextOf bytes_of, TextOf utf8_of) {
  if (const char* const bytes = bytes_of(entry)) return bytes;
  const char* const utf8 = utf8_of(entry);
  return utf8 ? utf8 : "";
}

// ustar and pax carry an ACL as text, libarchive parses it; the image wants the form of the
// system.posix_acl_* attributes: a version, then {tag, permissions, id} sorted by tag and id.
void add_acl(archive_entry* entry, int type, const char* name, std::vector<Xattr>& xattrs) {
  struct Item {
    std::uint16_t tag;
    std::uint16_t permissions;
    std::uint32_t id;
  };
  std::vector<Item> items;
  if (archive_entry_acl_reset(entry, type) <= 0) return;
  int found_type = 0;
  int permissions = 0;
  int tag = 0;
  int id = 0;
  const char* text = nullptr;
  bool extended = type == ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
  while (archive_entry_acl_next(entry, type, &found_type, &permissions, &tag, &id, &text) == ARCHIVE_OK) {
    std::uint16_t disk_tag = 0;
    switch (tag) {
      case ARCHIVE_ENTRY_ACL_USER_OBJ:
        disk_tag = 0x01;
        break;
      case ARCHIVE_ENTRY_ACL_USER:
        disk_tag = 0x02;
        break;
      case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
        disk_tag = 0x04;
        break;
      case ARCHIVE_ENTRY_ACL_GROUP:
        disk_tag = 0x08;
        break;
      case ARCHIVE_ENTRY_ACL_MASK:
        disk_tag = 0x10;
        break;
      case ARCHIVE_ENTRY_ACL_OTHER:
        disk_tag = 0x20;
        break;
      default:
        continue;
    }
    const bool named = disk_tag == 0x02 || disk_tag == 0x08;
    extended = extended || named || disk_tag == 0x10;
    items.push_back({disk_tag, static_cast<std::uint16_t>(permissions & 7),
                     named ? static_cast<std::uint32_t>(id) : UINT32_MAX});
  }
  if (!extended || items.empty()) return;
  std::ranges::sort(
      items, [](const Item& a, const Item& b) { return a.tag != b.tag ? a.tag < b.tag : a.id < b.id; });
  const std::uint32_t version = 2;
  std::string value(reinterpret_cast<const char*>(&version), sizeof version);
  for (const Item& item : items) value.append(reinterpret_cast<const char*>(&item), sizeof item);
  xattrs.push_back({name, std::move(value)});
}

Result<Metadata> metadata_of(archive_entry* entry, const std::string& path) {
  const auto type = node_type(archive_entry_filetype(entry));
  if (!type) return refused(fmt::format("{}: an entry of unknown type", path));
  const auto id = [](la_int64_t value) {
    return static_cast<std::uint32_t>(std::clamp<la_int64_t>(value, 0, UINT32_MAX));
  };
  Metadata meta{
      .type = *type,
      .mode = static_cast<std::uint32_t>(archive_entry_perm(entry)) & 07777,
      .uid = id(archive_entry_uid(entry)),
      .gid = id(archive_entry_gid(entry)),
      .mtime = {archive_entry_mtime(entry), static_cast<std::uint32_t>(archive_entry_mtime_nsec(entry))}};
  if (*type == NodeType::symlink)
    meta.target = text_of(entry, archive_entry_symlink, archive_entry_symlink_utf8);
  if (*type == NodeType::character_device || *type == NodeType::block_device) {
    meta.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
    meta.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
  }
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
    meta.xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
  const auto has = [&](std::string_view wanted) {
    return std::ranges::any_of(meta.xattrs, [&](const Xattr& xattr) { return xattr.name == wanted; });
  };
  if (!has("system.posix_acl_access"))
    add_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", meta.xattrs);
  if (!has("system.posix_acl_default"))
    add_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", meta.xattrs);
  // A pax header may carry an attribute twice, in Star's and in libarchive's form.
  std::ranges::stable_sort(meta.xattrs, {}, &Xattr::name);
  const auto again = std::ranges::unique(meta.xattrs, {}, &Xattr::name);
  meta.xattrs.erase(again.begin(), again.end());
  return meta;
}

Result<void> store(NewFiles& image, archive* handle, archive_entry* entry, const UnpackLimit& limit,
                   const std::string& path, InodeIndex index) {
  image.begin_content(path);
  const void* bytes = nullptr;
  std::size_t count = 0;
  la_int64_t offset = 0;
  for (;;) {
    const int got = archive_read_data_block(handle, &bytes, &count, &offset);
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK) return failed(handle, fmt::format("{}: {}", path, reason(handle)));
    CG_CHECK(limit.check());
    CG_CHECK(image.append(static_cast<std::uint64_t>(offset),
                          std::span(static_cast<const std::byte*>(bytes), count)));
  }
  return image.end_content(index,
                           static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0)));
}

Result<void> add_entry(NewFiles& image, archive* handle, archive_entry* entry, const UnpackLimit& limit,
                       const ArchiveOptions& options) {
  std::string path = text_of(entry, archive_entry_pathname, archive_entry_pathname_utf8);
  if (path.empty()) return refused("an entry without a name");
  std::string_view bare = path;
  while (bare.starts_with("./") || bare.starts_with("/")) bare.remove_prefix(bare.starts_with("./") ? 2 : 1);
  if (options.wanted && !options.wanted(bare)) return {};
  if (options.whiteouts == ArchiveOptions::Whiteouts::applied) {
    const auto slash = bare.rfind('/');
    const std::string_view directory =
        slash == std::string_view::npos ? std::string_view() : bare.substr(0, slash);
    const std::string_view name = slash == std::string_view::npos ? bare : bare.substr(slash + 1);
    if (name == ".wh..wh..opq") return image.tree().remove_lower_children(directory);
    // Other names with ".wh..wh." belong to the storage driver that wrote them.
    if (bare.starts_with(".wh..wh.") || bare.contains("/.wh..wh.")) return {};
    if (name.starts_with(".wh."))
      return image.tree().remove_lower(fmt::format("{}/{}", directory, name.substr(4)));
  }
  const std::string link = text_of(entry, archive_entry_hardlink, archive_entry_hardlink_utf8);
  if (!link.empty()) {
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0)
      return refused(fmt::format("{}: a hard link that carries data", path));
    return image.tree().add_hard_link(path, link);
  }
  CG_TRY(meta, metadata_of(entry, path));
  const bool regular = meta.type == NodeType::regular;
  CG_TRY(index, image.tree().add(path, std::move(meta)));
  return regular ? store(image, handle, entry, limit, path, index) : Result<void>{};
}

}  // namespace

Result<void> add_archive(NewFiles& image, const fs::path& archive_path, const ArchiveOptions& options) {
  const std::string name = archive_path == "-" ? "standard input" : archive_path.string();
  UniqueFd fd;
  if (archive_path != "-") {
    fd.reset(open(archive_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return cannot_errno(name, errno);
  }
  image.tree().begin_layer();
  const std::unique_ptr<archive, ArchiveCloser> handle(archive_read_new());
  if (!handle) throw std::bad_alloc();
  archive_read_support_format_tar(handle.get());
  archive_read_support_filter_all(handle.get());
  if (archive_read_open_fd(handle.get(), fd ? fd.get() : STDIN_FILENO, 256 << 10) != ARCHIVE_OK)
    return failed(handle.get(), fmt::format("{}: {}; is it a tar?", name, reason(handle.get())));
  const UnpackLimit limit(handle.get(), fd ? fd.get() : STDIN_FILENO, name, options.most_unpacked);
  for (;;) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(handle.get(), &entry);
    CG_CHECK(limit.check());
    if (got == ARCHIVE_EOF) return {};
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
      return failed(handle.get(), fmt::format("{}: {}; is it a complete tar?", name, reason(handle.get())));
    }
    if (auto added = add_entry(image, handle.get(), entry, limit, options); !added)
      return std::unexpected(
          Error{added.error().kind, added.error().message.starts_with(name)
                                        ? added.error().message
                                        : fmt::format("{}: {}", name, added.error().message)});
    CG_CHECK(limit.skip_data());
  }
}

}  // namespace cg::image
