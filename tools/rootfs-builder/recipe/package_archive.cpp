#include "recipe/package_archive.h"

#include <archive.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/file.h"
#include "base/limits.h"
#include "compress/archive_decoders.h"
#include "elf/elf.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

struct ReadFree {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
struct WriteFree {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
using Reader = std::unique_ptr<archive, ReadFree>;

std::string reason(archive* handle) {
  const char* text = archive_error_string(handle);
  return text ? text : "damaged";
}

struct Member {
  archive* package;
  std::string buffer = std::string(1 << 18, '\0');
};

la_ssize_t read_member(archive* inner, void* user, const void** bytes) {
  auto& member = *static_cast<Member*>(user);
  const la_ssize_t got = archive_read_data(member.package, member.buffer.data(), member.buffer.size());
  if (got < 0) archive_set_error(inner, EIO, "%s", reason(member.package).c_str());
  *bytes = member.buffer.data();
  return got;
}

std::string merged(std::string_view path) {
  while (path.starts_with("./") || path.starts_with('/')) path.remove_prefix(path.starts_with('/') ? 1 : 2);
  while (path.ends_with('/')) path.remove_suffix(1);
  for (const std::string_view top : {"bin", "sbin", "lib", "lib64"})
    if (path == top || path.starts_with(std::string(top) + "/")) return "usr/" + std::string(path);
  return std::string(path);
}

Result<void> read_data(archive* data, const std::string& name, PackageFiles& files) {
  std::uint64_t total = 0;  // what files of other packages replaced counts as well: it was unpacked
  for (const auto& [path, file] : files) total += file.content.size();
  for (;;) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(data, &entry);
    if (got == ARCHIVE_EOF) return {};
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return refused(fmt::format("{}: {}", name, reason(data)));
    const char* const stored = archive_entry_pathname(entry);
    if (!stored) return refused(name + ": an entry without a readable name");
    const std::string path = merged(stored);
    if (path.empty() || archive_entry_filetype(entry) == AE_IFDIR) continue;
    if (archive_entry_filetype(entry) == AE_IFLNK && !archive_entry_symlink(entry))
      return refused(fmt::format("{}: {}: a link without a readable target", name, path));
    PackageFile file{std::unique_ptr<archive_entry, EntryFree>(archive_entry_clone(entry)), {}};
    archive_entry_set_pathname(file.entry.get(), path.c_str());
    if (const char* link = archive_entry_hardlink(entry))
      archive_entry_set_hardlink(file.entry.get(), merged(link).c_str());
    const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
    // Without the sum of both, which a header can make overflow.
    if (size > limits::package_bytes - total)
      return refused(fmt::format("{}: the recipe's packages hold more than {} bytes together", name,
                                 limits::package_bytes));
    total += size;
    file.content.resize(size);
    for (std::size_t done = 0; done < size;) {
      const la_ssize_t piece = archive_read_data(data, file.content.data() + done, size - done);
      if (piece <= 0) return refused(fmt::format("{}: {}: {}", name, path, reason(data)));
      done += static_cast<std::size_t>(piece);
    }
    files.insert_or_assign(path, std::move(file));
  }
}

// Where `target` of the link at `path` leads, as a path of PackageFiles.
std::string link_target(const std::string& path, const std::string& target) {
  const fs::path from =
      target.starts_with('/') ? fs::path(target) : fs::path("/" + path).parent_path() / target;
  return merged(from.lexically_normal().string());
}

class Selection {
 public:
  explicit Selection(const PackageFiles& files) : files_(files) {
    for (const auto& [path, file] : files)
      if (path.contains(".so")) by_name_.emplace(fs::path(path).filename().string(), path);
  }

  // With all that it needs. What those need waits in a list: their number is the packages' to choose.
  Result<void> add(const std::string& wanted) {
    std::vector<std::string> pending{wanted};
    while (!pending.empty()) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      if (files_.contains(path) && chosen_.insert(path).second) CG_CHECK(add_needs(path, pending));
    }
    return {};
  }

  std::vector<std::string> paths() const { return {chosen_.begin(), chosen_.end()}; }

 private:
  Result<void> add_needs(const std::string& path, std::vector<std::string>& pending) {
    const auto found = files_.find(path);
    archive_entry* const entry = found->second.entry.get();
    if (const char* hard = archive_entry_hardlink(entry)) {
      pending.emplace_back(hard);
      return {};
    }
    if (archive_entry_filetype(entry) == AE_IFLNK) {
      pending.push_back(link_target(path, archive_entry_symlink(entry)));
      return {};
    }
    if (!has_elf_magic(found->second.content)) return {};
    CG_TRY(elf, read_elf(found->second.content, path));
    if (!elf.interp.empty()) {
      if (!files_.contains(merged(elf.interp)))
        return refused(fmt::format("{}: its loader {} is in none of the packages", path, elf.interp));
      pending.push_back(merged(elf.interp));
    }
    for (const auto& library : elf.needed) {
      const auto provider = by_name_.find(library);
      if (provider == by_name_.end())
        return refused(
            fmt::format("{}: needs {}, which is in none of the recipe's packages; add the one that has it",
                        path, library));
      pending.push_back(provider->second);
    }
    return {};
  }

  const PackageFiles& files_;
  std::map<std::string, std::string> by_name_;
  std::set<std::string> chosen_;
};

}  // namespace

Result<void> read_package(const fs::path& deb, PackageFiles& files) {
  const Reader package(archive_read_new());
  archive_read_support_format_ar(package.get());
  if (archive_read_open_filename(package.get(), deb.c_str(), 1 << 18) != ARCHIVE_OK)
    return refused(fmt::format("{}: not a Debian package: {}", deb.string(), reason(package.get())));
  archive_entry* entry = nullptr;
  while (archive_read_next_header(package.get(), &entry) == ARCHIVE_OK) {
    const char* const stored = archive_entry_pathname(entry);
    if (!stored || !std::string_view(stored).starts_with("data.tar")) continue;
    Member member{package.get()};
    const Reader data(archive_read_new());
    CG_CHECK(support_decoders(data.get()));
    archive_read_support_format_tar(data.get());
    if (archive_read_open(data.get(), &member, nullptr, read_member, nullptr) != ARCHIVE_OK)
      return refused(fmt::format("{}: {}", deb.string(), reason(data.get())));
    return read_data(data.get(), deb.string(), files);
  }
  return refused(deb.string() + ": not a Debian package: no data.tar in it");
}

Result<std::vector<std::string>> select_files(const PackageFiles& files,
                                              const std::vector<std::string>& include) {
  Selection selection(files);
  for (const auto& pattern : include) {
    bool matched = false;
    for (const auto& [path, file] : files) {
      if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) != 0) continue;
      matched = true;
      CG_CHECK(selection.add(path));
    }
    if (!matched)
      return refused(fmt::format("include '{}': no file of the packages has such a path", pattern));
  }
  return selection.paths();
}

Result<void> write_tar(const PackageFiles& files, const std::vector<std::string>& paths,
                       const fs::path& tar) {
  CG_TRY(output, AtomicFile::create(tar));
  const std::unique_ptr<archive, WriteFree> writer(archive_write_new());
  archive_write_set_format_pax_restricted(writer.get());
  if (archive_write_open_fd(writer.get(), output.fd()) != ARCHIVE_OK)
    return cannot(fmt::format("writing {}: {}", tar.string(), reason(writer.get())));
  const auto put = [&](const std::string& path) -> Result<void> {
    const PackageFile& file = files.at(path);
    if (archive_write_header(writer.get(), file.entry.get()) != ARCHIVE_OK ||
        (!file.content.empty() &&
         archive_write_data(writer.get(), file.content.data(), file.content.size()) < 0))
      return cannot(fmt::format("writing {}: {}", tar.string(), reason(writer.get())));
    return {};
  };
  // A hard link comes after the file it names.
  for (const bool links : {false, true})
    for (const auto& path : paths)
      if ((archive_entry_hardlink(files.at(path).entry.get()) != nullptr) == links) CG_CHECK(put(path));
  if (archive_write_close(writer.get()) != ARCHIVE_OK)
    return cannot(fmt::format("writing {}: {}", tar.string(), reason(writer.get())));
  return output.commit();
}

}  // namespace cg
