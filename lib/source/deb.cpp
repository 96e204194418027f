// A .deb is an ar archive of debian-binary, control.tar.* and data.tar.*; the file wanted is inside the last
// one. One libarchive reader walks the ar, a second one reads the data member through it, so that nothing is
// unpacked twice.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "base/file.h"
#include "base/sha256.h"
#include "compress/archive_decoders.h"
#include "source/debian.h"
#include "source/source.h"

namespace cg {
namespace {

struct ReadFree {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<struct archive, ReadFree>;

std::string reason(struct archive* reader) {
  const char* text = archive_error_string(reader);
  return text ? text : "unknown error";
}

struct Outer {
  struct archive* reader;
  std::string buffer = std::string(1 << 18, '\0');
};

la_ssize_t read_outer(struct archive* inner, void* user, const void** bytes) {
  auto& outer = *static_cast<Outer*>(user);
  const la_ssize_t got = archive_read_data(outer.reader, outer.buffer.data(), outer.buffer.size());
  if (got < 0) archive_set_error(inner, EIO, "%s", reason(outer.reader).c_str());
  *bytes = outer.buffer.data();
  return got;
}

std::string_view without_dot(std::string_view name) {
  return name.starts_with("./") ? name.substr(2) : name;
}

Result<std::string> copy_entry(struct archive* reader, const std::string& name,
                               const std::filesystem::path& to) {
  CG_TRY(file, AtomicFile::create(to));
  Sha256 hash;
  std::string buffer(1 << 18, '\0');
  for (;;) {
    const la_ssize_t got = archive_read_data(reader, buffer.data(), buffer.size());
    if (got < 0) return refused(fmt::format("{}: {}", name, reason(reader)));
    if (got == 0) break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    hash.update(bytes);
    CG_CHECK(file.write(bytes));
  }
  CG_CHECK(file.commit());
  return hash.hex();
}

// The .deb, read up to the bytes of its data.tar.
Result<Reader> open_data(const std::filesystem::path& deb) {
  Reader outer(archive_read_new());
  archive_read_support_format_ar(outer.get());
  if (archive_read_open_filename(outer.get(), deb.c_str(), 1 << 18) != ARCHIVE_OK)
    return refused(fmt::format("{}: not a Debian package: {}", deb.string(), reason(outer.get())));
  struct archive_entry* entry = nullptr;
  int status = ARCHIVE_OK;
  while ((status = archive_read_next_header(outer.get(), &entry)) == ARCHIVE_OK) {
    const char* const stored = archive_entry_pathname(entry);
    if (stored && std::string_view(stored).starts_with("data.tar")) return outer;
  }
  return refused(fmt::format("{}: not a Debian package: {}", deb.string(),
                             status == ARCHIVE_EOF ? "no data.tar in it" : reason(outer.get())));
}

}  // namespace

Result<std::string> extract_from_deb(const std::filesystem::path& deb, const std::string& member,
                                     const std::filesystem::path& to) {
  CG_TRY(outer, open_data(deb));
  Outer source{outer.get()};
  const Reader inner(archive_read_new());
  CG_CHECK(support_decoders(inner.get()));
  archive_read_support_format_tar(inner.get());
  if (archive_read_open(inner.get(), &source, nullptr, read_outer, nullptr) != ARCHIVE_OK)
    return refused(fmt::format("{}: {}", deb.string(), reason(inner.get())));
  struct archive_entry* entry = nullptr;
  int status = ARCHIVE_OK;
  while ((status = archive_read_next_header(inner.get(), &entry)) == ARCHIVE_OK) {
    const char* const path = archive_entry_pathname(entry);
    if (!path || without_dot(path) != member) continue;
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
      return refused(fmt::format("{}: {} is no regular file", deb.string(), member));
    return copy_entry(inner.get(), deb.string(), to);
  }
  if (status != ARCHIVE_EOF) return refused(fmt::format("{}: {}", deb.string(), reason(inner.get())));
  return refused(fmt::format("{}: there is no {} in it", deb.string(), member));
}

Result<void> unpack_deb(const std::filesystem::path& deb, const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return {};
  CG_CHECK(make_directories(directory.parent_path()));
  CG_TRY(outer, open_data(deb));
  const auto data = std::filesystem::path(directory.string() + ".data.tar");
  CG_TRY(sum, copy_entry(outer.get(), deb.string(), data));
  auto done = unpack(data, directory, 0, OutsideLinks::keep);
  std::filesystem::remove(data, error);
  return done;
}

}  // namespace cg
