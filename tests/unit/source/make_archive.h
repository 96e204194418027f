// Small archives for tests: a tar with any names in it, and a Debian package around one.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace cg {

struct Member {
  enum class Kind { file, directory, symlink, hardlink, device, fifo };
  std::string name;
  std::string content;  // of a file; the target of a link
  Kind kind = Kind::file;
  unsigned mode = 0644;
};

inline void make_archive(const std::filesystem::path& path, const std::vector<Member>& members,
                         bool ar = false) {
  struct archive* writer = archive_write_new();
  if (ar) {
    archive_write_set_format_ar_bsd(writer);
  } else {
    archive_write_set_format_pax_restricted(writer);
    archive_write_add_filter_gzip(writer);
    archive_write_set_options(writer, "gzip:!timestamp");
  }
  if (archive_write_open_filename(writer, path.c_str()) != ARCHIVE_OK)
    throw std::runtime_error(path.string());
  for (const auto& member : members) {
    struct archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_mtime(entry, 1700000000, 0);
    const bool is_file = member.kind == Member::Kind::file;
    if (member.kind == Member::Kind::symlink) archive_entry_set_symlink(entry, member.content.c_str());
    if (member.kind == Member::Kind::hardlink) archive_entry_set_hardlink(entry, member.content.c_str());
    archive_entry_set_filetype(entry, member.kind == Member::Kind::directory ? AE_IFDIR
                                      : member.kind == Member::Kind::symlink ? AE_IFLNK
                                      : member.kind == Member::Kind::device  ? AE_IFCHR
                                      : member.kind == Member::Kind::fifo    ? AE_IFIFO
                                                                             : AE_IFREG);
    archive_entry_set_perm(entry, member.mode);
    archive_entry_set_size(entry, is_file ? static_cast<la_int64_t>(member.content.size()) : 0);
    if (archive_write_header(writer, entry) != ARCHIVE_OK)
      throw std::runtime_error(archive_error_string(writer));
    if (is_file && archive_write_data(writer, member.content.data(), member.content.size()) < 0)
      throw std::runtime_error(archive_error_string(writer));
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
}

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline void make_deb(const std::filesystem::path& path, const std::vector<Member>& data) {
  const std::filesystem::path inner = path.string() + ".data";
  make_archive(inner, data);
  make_archive(
      path, {{"debian-binary", "2.0\n"}, {"control.tar.gz", "unread"}, {"data.tar.gz", slurp(inner)}}, true);
  std::filesystem::remove(inner);
}

}  // namespace cg
