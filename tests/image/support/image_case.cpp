#include "image/support/image_case.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "json_schema.h"
#include "rootfs_builder_tool.h"

namespace cg {
namespace fs = std::filesystem;

Outcome rootfs_builder(const std::vector<std::string>& args, std::map<std::string, std::string> variables) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in;
  Environment env{out, err, in, [variables](std::string_view name) -> std::optional<std::string> {
                    const auto found = variables.find(std::string(name));
                    return found == variables.end() ? std::nullopt : std::optional(found->second);
                  }};
  const int status = rootfs_builder_main(args, env);
  if (std::ranges::find(args, "json") != args.end() && !out.str().empty()) {
    EXPECT_EQ(violation_of(out.str(), "rootfs-builder.schema.json"), "") << out.str();
  }
  return {status, out.str(), err.str()};
}

std::string packed(const std::string& bytes, const std::string& filter) {
  archive* const writer = archive_write_new();
  archive_write_set_format_raw(writer);
  archive_write_add_filter_by_name(writer, filter.c_str());
  archive_write_set_bytes_per_block(writer, 0);
  std::string out(bytes.size() + (1 << 20), '\0');
  std::size_t used = 0;
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* const entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

namespace {

std::string at_offset(const fs::path& image, std::uint64_t offset) {
  return offset == 0 ? image.string() : image.string() + "?offset=" + std::to_string(offset);
}

}  // namespace

testing::AssertionResult is_clean(const fs::path& image, std::uint64_t offset) {
  const char* const other = std::getenv("CG_E2FSCK");
  const auto result = run({other && *other ? other : "e2fsck", "-fn", at_offset(image, offset)},
                          {.set_variables = {{"LC_ALL", "C"}}});
  if (!result) return testing::AssertionFailure() << result.error().message;
  if (result->status != 0)
    return testing::AssertionFailure() << "e2fsck -fn says " << result->status << ": " << result->out;
  return testing::AssertionSuccess();
}

std::string debugfs(const fs::path& image, const std::string& request, std::uint64_t offset) {
  const auto result = run({"debugfs", "-R", request, at_offset(image, offset)},
                          {.set_variables = {{"LC_ALL", "C"}, {"TZ", "UTC"}, {"PAGER", "cat"}}});
  return result ? result->out : result.error().message;
}

std::string bytes_of(const fs::path& file) {
  auto bytes = read_file(file, UINT64_MAX);
  return bytes ? std::move(*bytes) : std::string();
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

void write_tar_file(const fs::path& tar, const std::vector<TarEntry>& entries, const char* filter) {
  archive* const writer = archive_write_new();
  archive_write_set_format_pax(writer);
  archive_write_set_options(writer, "hdrcharset=BINARY");  // names are bytes
  if (filter) archive_write_add_filter_by_name(writer, filter);
  ASSERT_EQ(archive_write_open_filename(writer, tar.c_str()), ARCHIVE_OK) << archive_error_string(writer);
  for (const TarEntry& item : entries) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, item.path.c_str());
    archive_entry_set_perm(entry, static_cast<mode_t>(item.mode));
    archive_entry_set_uid(entry, item.uid);
    archive_entry_set_gid(entry, item.gid);
    archive_entry_set_mtime(entry, item.mtime, item.nanoseconds);
    const std::map<char, unsigned> types = {{'f', AE_IFREG}, {'d', AE_IFDIR}, {'l', AE_IFLNK},
                                            {'c', AE_IFCHR}, {'b', AE_IFBLK}, {'p', AE_IFIFO},
                                            {'h', AE_IFREG}};
    archive_entry_set_filetype(entry, types.at(item.type));
    archive_entry_set_size(entry, 0);
    if (item.type == 'f') archive_entry_set_size(entry, static_cast<la_int64_t>(item.content.size()));
    if (item.type == 'l') archive_entry_set_symlink(entry, item.content.c_str());
    if (item.type == 'h') archive_entry_set_hardlink(entry, item.content.c_str());
    archive_entry_set_rdevmajor(entry, item.major);
    archive_entry_set_rdevminor(entry, item.minor);
    for (const auto& [name, value] : item.xattrs)
      archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
    ASSERT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
    if (item.type == 'f') archive_write_data(writer, item.content.data(), item.content.size());
    archive_entry_free(entry);
  }
  ASSERT_EQ(archive_write_close(writer), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_free(writer);
}

std::string ImageCase::image_of(const std::vector<TarEntry>& entries, std::vector<std::string> more) {
  write_tar_file(path("input.tar"), entries);
  std::vector<std::string> args = {"create", "--from", text("input.tar"), "-o", text("image.img")};
  args.insert(args.end(), more.begin(), more.end());
  const Outcome outcome = rootfs_builder(args);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return text("image.img");
}

}  // namespace cg
