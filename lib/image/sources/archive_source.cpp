#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/limits.h"
#include "base/shown.h"
#include "base/text.h"
#include "compress/archive_decoders.h"
#include "image/sources/not_a_tar.h"
#include "image/tree/posix_acl.h"
#include "image/sources/sources.h"
#include "image/sources/unpack_limit.h"
#include "image/sources/whiteout.h"

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

// An ACL that names users or groups, as GNU tar writes it: their numbers are the image's own, and its passwd
// and group may come later in the archive.
struct NamedAcl {
  std::string path;  // of the entry
  InodeIndex inode = 0;
  std::string attribute;
  std::string placeholder;  // its value until then
  std::vector<AclItem> items;
  std::vector<std::pair<std::size_t, std::string>> names;  // of items without a number
};

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(number)
                                                                                   : std::nullopt;
}

// ustar and pax carry an ACL as text, which libarchive parses.
Result<void> add_acl(archive_entry* entry, int type, const char* attribute, const std::string& path,
                     Metadata& meta, std::vector<NamedAcl>& waiting) {
  if (archive_entry_acl_reset(entry, type) <= 0) return {};
  int found_type = 0;
  int permissions = 0;
  int tag = 0;
  int id = 0;
  const char* text = nullptr;
  bool extended = type == ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
  NamedAcl acl;
  while (archive_entry_acl_next(entry, type, &found_type, &permissions, &tag, &id, &text) == ARCHIVE_OK) {
    static constexpr std::pair<int, std::uint16_t> tags[] = {
        {ARCHIVE_ENTRY_ACL_USER_OBJ, 0x01},  {ARCHIVE_ENTRY_ACL_USER, acl_user},
        {ARCHIVE_ENTRY_ACL_GROUP_OBJ, 0x04}, {ARCHIVE_ENTRY_ACL_GROUP, acl_group},
        {ARCHIVE_ENTRY_ACL_MASK, acl_mask},  {ARCHIVE_ENTRY_ACL_OTHER, 0x20}};
    const auto known = std::ranges::find(tags, tag, &std::pair<int, std::uint16_t>::first);
    if (known == std::end(tags)) continue;
    const std::uint16_t disk_tag = known->second;
    const bool named = disk_tag == acl_user || disk_tag == acl_group;
    extended = extended || named || disk_tag == acl_mask;
    std::uint32_t number = UINT32_MAX;
    if (named && id >= 0) {
      number = static_cast<std::uint32_t>(id);
    } else if (named) {
      const std::string name = text ? text : "";
      if (const auto written = number_of(name))
        number = *written;
      else
        acl.names.emplace_back(acl.items.size(), name);
    }
    acl.items.push_back({disk_tag, static_cast<std::uint16_t>(permissions & 7), number});
  }
  if (!extended || acl.items.empty()) return {};
  if (type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS) meta.mode = mode_with_acl(meta.mode, acl.items);
  if (acl.names.empty()) {
    CG_CHECK(check_acl(acl.items, path));
    meta.xattrs.push_back({attribute, acl_value(std::move(acl.items))});
    return {};
  }
  acl.attribute = attribute;
  acl.placeholder = fmt::format("named {}", waiting.size());
  meta.xattrs.push_back({attribute, acl.placeholder});
  waiting.push_back(std::move(acl));
  return {};
}

// Names and numbers of the image's /etc/passwd or /etc/group.
Result<std::map<std::string, std::uint32_t>> numbers_of(NewFiles& image, const char* file) {
  std::map<std::string, std::uint32_t> numbers;
  const auto index = image.tree().index_of(file);
  if (!index || image.tree().at(*index).meta.type != NodeType::regular) return numbers;
  CG_TRY(text, image.read(*index, limits::accounts_bytes));
  for (const auto line : split_lines(text)) {
    const auto fields = split(line, ':');
    if (fields.size() < 3) continue;
    if (const auto number = number_of(fields[2])) numbers.emplace(fields[0], *number);
  }
  return numbers;
}

Result<void> resolve_names(NewFiles& image, std::vector<NamedAcl>& waiting) {
  if (waiting.empty()) return {};
  CG_TRY(users, numbers_of(image, "/etc/passwd"));
  CG_TRY(groups, numbers_of(image, "/etc/group"));
  for (NamedAcl& acl : waiting) {
    auto& xattrs = image.tree().at(acl.inode).meta.xattrs;
    const auto own = std::ranges::find_if(xattrs, [&](const Xattr& xattr) {
      return xattr.name == acl.attribute && xattr.value == acl.placeholder;
    });
    if (own == xattrs.end()) continue;  // a later entry has taken its place
    for (const auto& [item, name] : acl.names) {
      const bool user = acl.items[item].tag == acl_user;
      const auto& known = user ? users : groups;
      const auto found = known.find(name);
      if (found == known.end())
        return refused(
            fmt::format("{}: its ACL names the {} '{}', who is not in the image's /etc/{}; give them a "
                        "number there, or write the archive with numeric ids",
                        acl.path, user ? "user" : "group", name, user ? "passwd" : "group"));
      acl.items[item].id = found->second;
    }
    CG_CHECK(check_acl(acl.items, acl.path));
    own->value = acl_value(std::move(acl.items));
  }
  waiting.clear();
  return {};
}

Result<std::uint32_t> owner_of(la_int64_t number, const char* what, const std::string& path) {
  if (number < 0 || number > UINT32_MAX)
    return refused(
        fmt::format("{}: its {} is {}; a file system holds 0 to {}", path, what, number, UINT32_MAX));
  return static_cast<std::uint32_t>(number);
}

// What is found on the way through an archive, and looked at when all of it has been read.
struct Found {
  std::vector<NamedAcl> acls;
  std::uint64_t entries = 0;
  std::uint64_t foreign = 0;            // attributes
  std::string first_foreign;            // and where it is
  std::optional<InodeIndex> only_file;  // at the top, and nothing else so far
};

bool is_foreign(std::string_view attribute) {
  for (const std::string_view prefix : {"user.", "trusted.", "security.", "system."})
    if (attribute.starts_with(prefix)) return false;
  return true;
}

Result<Metadata> metadata_of(archive_entry* entry, const std::string& path, const ArchiveOptions& options,
                             Found& found) {
  const auto type = node_type(archive_entry_filetype(entry));
  if (!type) return refused(fmt::format("{}: an entry of unknown type", path));
  CG_TRY(uid, owner_of(archive_entry_uid(entry), "owner", path));
  CG_TRY(gid, owner_of(archive_entry_gid(entry), "group", path));
  Metadata meta{
      .type = *type,
      .mode = static_cast<std::uint32_t>(archive_entry_perm(entry)) & 07777,
      .uid = uid,
      .gid = gid,
      .mtime = {archive_entry_mtime(entry), static_cast<std::uint32_t>(archive_entry_mtime_nsec(entry))}};
  if (*type == NodeType::symlink)
    meta.target = text_of(entry, archive_entry_symlink, archive_entry_symlink_utf8);
  if (*type == NodeType::character_device || *type == NodeType::block_device) {
    meta.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
    meta.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
  }
  archive_entry_xattr_reset(entry);
  std::set<std::string> foreign;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (options.foreign == ArchiveOptions::Foreign::left_out && is_foreign(name)) {
      // A pax header may carry it twice, in Star's and in libarchive's form.
      if (!foreign.insert(name).second) continue;
      if (found.foreign++ == 0) found.first_foreign = fmt::format("{} of {}", name, path);
      continue;
    }
    meta.xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
  }
  const auto has = [&](std::string_view wanted) {
    return std::ranges::any_of(meta.xattrs, [&](const Xattr& xattr) { return xattr.name == wanted; });
  };
  for (const Xattr& xattr : meta.xattrs) {
    if (xattr.name != access_acl && xattr.name != default_acl) continue;
    const auto items = acl_items(xattr.value);
    if (!items) return refused(fmt::format("{}: attribute {}: not a POSIX ACL", path, xattr.name));
    CG_CHECK(check_acl(*items, path));
    if (xattr.name == access_acl) meta.mode = mode_with_acl(meta.mode, *items);
  }
  if (!has(access_acl))
    CG_CHECK(add_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, access_acl, path, meta, found.acls));
  if (!has(default_acl))
    CG_CHECK(add_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, default_acl, path, meta, found.acls));
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
                       const ArchiveOptions& options, Found& found) {
  std::string path = text_of(entry, archive_entry_pathname, archive_entry_pathname_utf8);
  if (path.empty()) return refused("an entry without a name");
  if (archive_entry_filetype(entry) != AE_IFDIR || path.find_first_not_of("./") != std::string::npos)
    ++found.entries;
  std::string_view bare = path;
  while (bare.starts_with("./") || bare.starts_with("/")) bare.remove_prefix(bare.starts_with("./") ? 2 : 1);
  if (options.wanted && !options.wanted(bare)) return {};
  if (options.whiteouts == ArchiveOptions::Whiteouts::applied) {
    CG_TRY(whiteout, whiteout_of(path));
    switch (whiteout.kind) {
      case Whiteout::Kind::none:
        break;
      case Whiteout::Kind::ignored:
        return {};
      case Whiteout::Kind::opaque:
        return image.tree().remove_lower_children(whiteout.path);
      case Whiteout::Kind::name:
        return image.tree().remove_lower(whiteout.path);
    }
  }
  const std::string link = text_of(entry, archive_entry_hardlink, archive_entry_hardlink_utf8);
  if (!link.empty()) {
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0)
      return refused(fmt::format("{}: a hard link that carries data", path));
    return image.tree().add_hard_link(path, link);
  }
  const std::size_t known = found.acls.size();
  CG_TRY(meta, metadata_of(entry, path, options, found));
  const bool regular = meta.type == NodeType::regular;
  CG_TRY(index, image.tree().add(path, std::move(meta)));
  for (std::size_t i = known; i < found.acls.size(); ++i) {
    found.acls[i].path = path;
    found.acls[i].inode = index;
  }
  if (found.entries == 1 && regular && !bare.contains('/')) found.only_file = index;
  return regular ? store(image, handle, entry, limit, path, index) : Result<void>{};
}

// An archive that is packed once more is no root file system.
Result<void> check_no_archive_in_it(NewFiles& image, const Found& found, const ArchiveOptions& options) {
  if (found.entries != 1 || !found.only_file || options.whiteouts == ArchiveOptions::Whiteouts::applied ||
      options.wanted)
    return {};
  CG_TRY(begin, image.read(*found.only_file, 512));
  const std::string_view what = kind_of_file(begin);
  if (what.empty()) return {};
  return refused(fmt::format("holds nothing but {}; take it out, and give that", what));
}

}  // namespace

Result<void> add_archive(NewFiles& image, const fs::path& archive_path, const ArchiveOptions& options) {
  const std::string name = archive_path == "-" ? "standard input" : archive_path.string();
  UniqueFd fd;
  if (archive_path != "-") {
    fd.reset(open(archive_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return cannot_errno(name, errno);
  }
  const auto named = [&](Result<void> done) -> Result<void> {
    if (done || done.error().message.starts_with(name)) return done;
    // Its names are the archive's.
    return std::unexpected(
        Error{done.error().kind, fmt::format("{}: {}", name, shown(done.error().message))});
  };
  image.tree().begin_layer(options.replacing);
  const std::unique_ptr<archive, ArchiveCloser> handle(archive_read_new());
  if (!handle) throw std::bad_alloc();
  archive_read_support_format_tar(handle.get());
  CG_CHECK(support_decoders(handle.get()));
  if (archive_read_open_fd(handle.get(), fd ? fd.get() : STDIN_FILENO, 256 << 10) != ARCHIVE_OK)
    return failed(handle.get(),
                  fmt::format("{}: {}; {}", name, reason(handle.get()), what_instead(fd.get())));
  Found found;
  const UnpackLimit limit(handle.get(), fd ? fd.get() : STDIN_FILENO, name, options.most_unpacked);
  std::uint64_t any = 0;  // headers
  for (;;) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(handle.get(), &entry);
    CG_CHECK(limit.check());
    if (got == ARCHIVE_EOF) {
      if (any++ == 0) CG_CHECK(named(check_empty_tar(fd ? fd.get() : -1)));
      CG_CHECK(named(check_no_archive_in_it(image, found, options)));
      if (found.foreign > 0 && options.say)
        options.say(
            fmt::format("{}: left out the attribute {}{}, which no file system of Linux stores; "
                        "--strict-attributes refuses that",
                        name, shown(found.first_foreign),
                        found.foreign > 1 ? fmt::format(" and {} more", found.foreign - 1) : ""));
      return named(resolve_names(image, found.acls));
    }
    ++any;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
      return failed(handle.get(), fmt::format("{}: {}; is it a complete tar?", name, reason(handle.get())));
    }
    CG_CHECK(named(add_entry(image, handle.get(), entry, limit, options, found)));
    CG_CHECK(limit.skip_data());
  }
}

}  // namespace cg::image
