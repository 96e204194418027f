// The files of Debian packages in memory, and of them those that a recipe wants with the libraries they need.
#pragma once

#include <archive_entry.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

struct EntryFree {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

struct PackageFile {
  std::unique_ptr<archive_entry, EntryFree> entry;  // everything the package says of it
  std::string content;
};

// By path, "usr/bin/tar"; the directories of a merged /usr (bin, lib, lib64, sbin) taken to be below usr.
using PackageFiles = std::map<std::string, PackageFile>;

// Adds what the package holds. Refused when it is no Debian package.
Result<void> read_package(const std::filesystem::path& deb, PackageFiles& files);

// The paths that match a glob of `include`, the targets of the links among them, and for each ELF file the
// libraries and the loader it asks for. Refused, naming it, when a glob matches nothing or a library is in
// none of the packages.
Result<std::vector<std::string>> select_files(const PackageFiles& files,
                                              const std::vector<std::string>& include);

// A tar of these files, in their order.
Result<void> write_tar(const PackageFiles& files, const std::vector<std::string>& paths,
                       const std::filesystem::path& tar);

}  // namespace cg
