// Which tar is an image's is told by what its members are called; a root file system has none of these at its
// top. Members get numbers for names on this machine, so that whatever they are called, nothing but our own
// directory is written to.
#include "image/sources/image_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <new>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/shown.h"
#include "compress/archive_decoders.h"
#include "image/sources/sources.h"
#include "image/sources/unpack_limit.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

struct ArchiveCloser {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Reader = std::unique_ptr<archive, ArchiveCloser>;

struct Opened {
  UniqueFd fd;
  Reader reader;
};

// nullopt: no tar.
Result<std::optional<Opened>> open_tar(const fs::path& path) {
  Opened opened{UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), Reader(archive_read_new())};
  if (!opened.fd) return cannot_errno(path.string(), errno);
  if (!opened.reader) throw std::bad_alloc();
  archive_read_support_format_tar(opened.reader.get());
  CG_CHECK(support_decoders(opened.reader.get()));
  if (archive_read_open_fd(opened.reader.get(), opened.fd.get(), 256 << 10) != ARCHIVE_OK)
    return std::nullopt;
  return opened;
}

// The name of the next member, without "./"; "" behind the last.
std::string next_member(archive* reader, archive_entry*& entry) {
  const int got = archive_read_next_header(reader, &entry);
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return "";
  const char* const stored = archive_entry_pathname(entry);
  std::string name = stored ? stored : "?";
  while (name.starts_with("./")) name.erase(0, 2);
  while (name.ends_with('/')) name.pop_back();
  return name.empty() ? "." : name;
}

// Names that only these archives have at their top: of the files, of blobs, or of a layer's directory.
bool is_image_name(std::string_view name) {
  const std::string_view top = name.substr(0, name.find('/'));
  if (top == "blobs" || top == "oci-layout" || top == "index.json" || top == "manifest.json" ||
      top == "repositories")
    return true;
  return top.size() >= 64 && top.find_first_not_of("0123456789abcdef") >= 64 &&
         (top.size() == 64 || top.substr(64) == ".tar" || top.substr(64) == ".json");
}

constexpr unsigned most_looked_at = 8;  // members

// "DIRECTORY/oci-layout" or "DIRECTORY/blobs/sha256/…": a layout that was packed from outside.
bool is_layout_below(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || is_image_name(name)) return false;
  const std::string_view rest = name.substr(slash + 1);
  return rest == "oci-layout" || (rest.starts_with("blobs/sha256/") && rest.size() == 13 + 64);
}

// Its first members decide whether the others are looked at.
Result<bool> is_image_archive(const fs::path& path, const ArchiveOptions& options) {
  CG_TRY(tar, open_tar(path));
  if (!tar) return false;
  bool oci_layout = false;
  bool index = false;
  bool blobs = false;
  unsigned others = 0;
  const UnpackLimit limit(tar->reader.get(), tar->fd.get(), path.string(), options.most_unpacked);
  archive_entry* entry = nullptr;
  for (std::string name; !(name = next_member(tar->reader.get(), entry)).empty();) {
    if (name == ".") continue;
    if (is_layout_below(name))
      return refused(fmt::format(
          "{}: holds a container image in the directory {}; unpack it and give that, or pack it with 'tar -C "
          "{}'",
          path.string(), shown(name.substr(0, name.find('/'))), shown(name.substr(0, name.find('/')))));
    if (!is_image_name(name)) {
      // A layout packed with its directory begins with that.
      if (++others > most_looked_at || oci_layout || index || blobs ||
          archive_entry_filetype(entry) != AE_IFDIR)
        return false;
      continue;
    }
    if (others > 0) return false;
    blobs = blobs || name.starts_with("blobs/sha256/");
    oci_layout = oci_layout || name == "oci-layout";
    index = index || name == "index.json";
    if (name == "manifest.json" || (oci_layout && index)) return true;
    CG_CHECK(limit.skip_data());
  }
  if (blobs && others == 0)
    return refused(
        fmt::format("{}: half a container image: blobs, without manifest.json or oci-layout and "
                    "index.json",
                    path.string()));
  return false;
}

}  // namespace

struct ImageMembers::Unpacked {
  fs::path directory;
  std::map<std::string, fs::path> files;
  std::map<std::string, std::string> links;  // of one member to another

  Unpacked() = default;
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  ~Unpacked() {
    std::error_code ignored;
    if (directory.empty()) return;
    fs::remove_all(directory, ignored);
    forget_when_interrupted(directory);
  }

  Result<void> read(const fs::path& path, const ArchiveOptions& options) {
    std::error_code ignored;
    std::string pattern = (fs::temp_directory_path(ignored) / "image.XXXXXX").string();
    if (!mkdtemp(pattern.data())) return cannot_errno(pattern, errno);
    directory = pattern;
    remove_when_interrupted(directory);
    CG_TRY(tar, open_tar(path));
    if (!tar) return refused(path.string() + ": is it a tar?");
    archive* const reader = tar->reader.get();
    const UnpackLimit limit(reader, tar->fd.get(), path.string(), options.most_unpacked);
    archive_entry* entry = nullptr;
    for (std::string name; !(name = next_member(reader, entry)).empty();) {
      if (files.size() + links.size() > limits::image_members)
        return refused(fmt::format("{}: more than {} members", path.string(), limits::image_members));
      const char* const hard = archive_entry_hardlink(entry);
      if (hard || archive_entry_filetype(entry) == AE_IFLNK) {
        const char* const target = hard ? hard : archive_entry_symlink(entry);
        // A layer that two images share: docker names it from the layer's own directory.
        const fs::path whole = hard ? fs::path(hard) : fs::path(name).parent_path() / (target ? target : "");
        links[name] = whole.lexically_normal().string();
      } else if (archive_entry_filetype(entry) == AE_IFREG) {
        const fs::path file = directory / std::to_string(files.size());
        CG_CHECK(store(reader, limit, file, path.string() + ": " + name));
        files[name] = file;
      }
    }
    if (archive_errno(reader) != 0) {
      const char* const why = archive_error_string(reader);
      return refused(fmt::format("{}: {}; is it a complete tar?", path.string(), why ? why : "damaged"));
    }
    return {};
  }

  static Result<void> store(archive* reader, const UnpackLimit& limit, const fs::path& to,
                            const std::string& name) {
    const UniqueFd fd(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return cannot_errno(to.string(), errno);
    std::string piece(1 << 20, '\0');
    for (;;) {
      const la_ssize_t got = archive_read_data(reader, piece.data(), piece.size());
      if (got == 0) return {};
      if (got < 0) {
        const char* const why = archive_error_string(reader);
        return refused(fmt::format("{}: {}", name, why ? why : "damaged"));
      }
      CG_CHECK(limit.check());
      CG_CHECK(
          write_all(fd.get(), std::string_view(piece).substr(0, static_cast<std::size_t>(got)), to.string()));
    }
  }
};

ImageMembers ImageMembers::of_directory(const fs::path& directory) {
  ImageMembers members;
  members.name_ = directory.string();
  members.directory_ = directory;
  return members;
}

Result<std::optional<ImageMembers>> ImageMembers::of_archive(const fs::path& archive,
                                                             const ArchiveOptions& options) {
  CG_TRY(ours, is_image_archive(archive, options));
  if (!ours) return std::nullopt;
  const auto unpacked = std::make_shared<Unpacked>();
  CG_CHECK(unpacked->read(archive, options));
  ImageMembers members;
  members.name_ = archive.string();
  members.unpacked_ = unpacked;
  return members;
}

Result<fs::path> ImageMembers::file(const std::string& member) const {
  if (!unpacked_) {
    std::error_code error;
    const fs::path path = directory_ / member;
    if (fs::is_regular_file(path, error)) return path;
    return refused(fmt::format("{}: there is no {} in it", name_, member));
  }
  std::string name = member;
  for (unsigned links = 0; links <= limits::links; ++links) {
    if (const auto found = unpacked_->files.find(name); found != unpacked_->files.end()) return found->second;
    const auto link = unpacked_->links.find(name);
    if (link == unpacked_->links.end()) break;
    name = link->second;
  }
  return refused(fmt::format("{}: there is no {} in it", name_, member));
}

}  // namespace cg::image
